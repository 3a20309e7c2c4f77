//! Which topics are there, and which names can they have?

use serde::{Deserialize, Serialize};

use crate::committer::Channel;

/// `[kafka.topics]`: the names of the topics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicNames {
    /// Topics that are read, in this order.
    pub input: Vec<String>,
    /// Documents that stay in the corpus.
    pub clean: String,
    /// Documents that are withheld.
    pub quarantine: String,
    /// Copies of clean documents.
    pub duplicates: String,
    /// One record for each document: what was decided and why.
    pub decisions: String,
    /// One record for each recall or restore, and settled watermarks: up to where no recall will
    /// come any more.
    pub recalls: String,
    /// One record for each alarm.
    pub alarms: String,
    /// Records that hold no document.
    pub dead_letters: String,
    /// One record for each batch: the reading order. It has one partition and is kept for ever.
    pub journal: String,
}

impl Default for TopicNames {
    fn default() -> Self {
        Self {
            input: vec!["crawl".to_owned()],
            clean: "crawl.clean".to_owned(),
            quarantine: "crawl.quarantine".to_owned(),
            duplicates: "crawl.duplicates".to_owned(),
            decisions: "crawl.decisions".to_owned(),
            recalls: "crawl.recalls".to_owned(),
            alarms: "crawl.alarms".to_owned(),
            dead_letters: "crawl.dead-letters".to_owned(),
            journal: "crawl.journal".to_owned(),
        }
    }
}

impl TopicNames {
    /// Returns the topic that a channel's records go to.
    #[must_use]
    pub fn of(&self, channel: Channel) -> &str {
        match channel {
            Channel::Clean => &self.clean,
            Channel::Quarantine => &self.quarantine,
            Channel::Duplicate => &self.duplicates,
            Channel::Decisions => &self.decisions,
            Channel::Recalls => &self.recalls,
            Channel::Alarms => &self.alarms,
            Channel::DeadLetters => &self.dead_letters,
        }
    }

    /// Returns every topic that is written to, with the key that names it.
    pub fn outputs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        Channel::ALL.into_iter().map(|channel| (Self::key(channel), self.of(channel))).chain([("journal", self.journal.as_str())])
    }

    /// Returns the key of `kafka.topics` that names a channel's topic.
    #[must_use]
    pub fn key(channel: Channel) -> &'static str {
        match channel {
            Channel::DeadLetters => "dead_letters",
            other => other.name(),
        }
    }

    /// Returns what is wrong with the names: the key of `kafka.topics` and why.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.input.is_empty() {
            problems.push(("input", "got no topic, expected at least one".to_owned()));
        }
        let named = self.outputs().chain(self.input.iter().map(|name| ("input", name.as_str())));
        problems.extend(named.filter_map(|(key, name)| topic_problem(name).map(|why| (key, why))));
        problems.extend(self.named_twice());
        problems
    }

    /// Returns topics that are named twice. An input that is also an output would feed itself, and a
    /// reader of an output expects one kind of record.
    fn named_twice(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        for (i, name) in self.input.iter().enumerate() {
            if self.input[..i].contains(name) {
                problems.push(("input", format!("{name:?} is named twice")));
            }
            if let Some((key, _)) = self.outputs().find(|(_, output)| output == name) {
                problems.push((key, format!("{name:?} is also an input: the stage would read what it writes")));
            }
        }
        let outputs: Vec<_> = self.outputs().filter(|(key, _)| *key != "journal").collect();
        for (i, &(key, name)) in outputs.iter().enumerate() {
            if name == self.journal {
                problems.push((key, format!("{name:?} is also the journal, expected a topic of its own")));
            }
            if let Some((other, _)) = outputs[..i].iter().find(|(_, before)| *before == name) {
                problems.push((key, format!("{name:?} is also {other}, expected a topic of its own")));
            }
        }
        problems
    }
}

/// Tells why a topic cannot have this name. The rule is Kafka's own.
#[must_use]
pub fn topic_problem(name: &str) -> Option<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let bad = name.is_empty() || name.len() > 249 || matches!(name, "." | "..") || !name.chars().all(legal);
    bad.then(|| format!("got {name:?}, expected 1 to 249 letters, digits, '.', '_' or '-'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_its_own() {
        let fields: [fn(&mut TopicNames) -> &mut String; 8] = [
            |names| &mut names.clean,
            |names| &mut names.quarantine,
            |names| &mut names.duplicates,
            |names| &mut names.decisions,
            |names| &mut names.recalls,
            |names| &mut names.alarms,
            |names| &mut names.dead_letters,
            |names| &mut names.journal,
        ];
        assert_eq!(TopicNames::default().problems(), []);
        for (i, first) in fields.iter().enumerate() {
            let mut names = TopicNames::default();
            let name = first(&mut names).clone();
            for second in &fields[i + 1..] {
                let mut same = names.clone();
                second(&mut same).clone_from(&name);
                let problems = same.problems();
                assert_eq!(problems.len(), 1, "{problems:?}");
                assert!(problems[0].1.contains("expected a topic of its own"), "{problems:?}");
            }
            names.input = vec![name];
            assert!(names.problems()[0].1.contains("is also an input"));
        }
    }
}
