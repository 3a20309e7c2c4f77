//! What does the report of joined shards say? The sums of their reports, and what was found between
//! them.

use std::{cmp::Reverse, collections::BTreeMap};

use anyhow::Result;
use operators::finding::Reason;

use super::{copies::ShardCopies, shard::FinishedShard};
use crate::report::{Joined, Report, TOP};

/// Makes the report.
pub(super) fn report(shards: &[FinishedShard], copies: &ShardCopies) -> Result<Report> {
    let mut reports = Vec::with_capacity(shards.len());
    for shard in shards {
        reports.push(Report::read(&shard.output.file("report.json"))?);
    }
    let joined = Joined {
        shards: shards.len() as u32,
        exact_copies: copies.count(Reason::ExactDuplicate),
        near_copies: copies.count(Reason::NearDuplicate),
        forgotten: copies.forgotten,
    };
    let mut reports = reports.into_iter();
    let mut sum = reports.next().unwrap_or_default();
    let mut contributors: BTreeMap<String, u64> = sum.unseen_contributors.drain(..).collect();
    for report in reports {
        sum.counts.add(&report.counts);
        sum.final_clean += report.final_clean;
        sum.alarms += report.alarms;
        sum.clusters += report.clusters;
        sum.largest_clusters.extend(report.largest_clusters);
        for (publisher, documents) in report.unseen_contributors {
            *contributors.entry(publisher).or_default() += documents;
        }
        sum.warnings.extend(report.warnings.into_iter().filter(|warning| !sum.warnings.contains(warning)).collect::<Vec<_>>());
    }
    sum.identity_holds = sum.counts.is_whole();
    sum.final_clean -= joined.exact_copies + joined.near_copies;
    sum.largest_clusters.sort_by(|a, b| Reverse(a.documents).cmp(&Reverse(b.documents)).then_with(|| a.id.cmp(&b.id)));
    sum.largest_clusters.truncate(TOP);
    let mut contributors: Vec<(String, u64)> = contributors.into_iter().collect();
    contributors.sort_by_key(|(_, documents)| Reverse(*documents));
    contributors.truncate(TOP);
    sum.unseen_contributors = contributors;
    sum.warnings.push(format!(
        "joined from {} shards: a phrase below its thresholds in each of them raised no alarm, an alarm of one recalled nothing in \
         the others, clusters and contributors are the largest of each shard, near copies across shards were judged by signature",
        joined.shards
    ));
    sum.joined = Some(joined);
    Ok(sum)
}
