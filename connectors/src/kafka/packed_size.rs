//! Does a topic take a record once the producer has compressed it?
//!
//! A broker's limit is on what it is sent, and a batch of one record is sent compressed. So a page
//! that came compressed leaves compressed, where plain it would be too large. Only a record that is
//! too large plain is asked about, and only where the producer packs with zstd, which is the default.
//!
//! **Cost** one compression of such a record.

use super::{client_property::ClientProperty, config::KafkaConfig};
use crate::committer::Outgoing;

/// The properties that name how the producer compresses: the first is librdkafka's own, the second
/// Java's.
const CODECS: [&str; 2] = ["compression.codec", "compression.type"];
/// What a producer packs with unless the user says otherwise.
pub(super) const CODEC: &str = "zstd";
/// The level of zstd that a producer takes by itself.
const LEVEL: i32 = 3;
/// The share by which another version of the library may pack worse, as a divisor.
const SLACK_DIVISOR: usize = 50;
/// Most bytes of a message that the client takes, whatever the topics' limits are.
pub(super) const MESSAGE_BYTES_MOST: usize = 1_000_000_000;

/// Whether the user has named a codec.
pub(super) fn names_codec(config: &KafkaConfig) -> bool {
    CODECS.iter().any(|name| config.client.contains_key(*name))
}

/// Returns the most bytes that a record may have plain; 0 where records are not packed in such a way
/// that it can be said here.
pub(super) fn plain_bytes_max(config: &KafkaConfig) -> usize {
    let named = CODECS.iter().filter_map(|name| config.client.get(*name)?.value());
    if !named.clone().all(|codec| codec == CODEC) {
        return 0;
    }
    let own = config.client.get("message.max.bytes").and_then(ClientProperty::value).and_then(|text| text.parse().ok());
    // A record must fit into the producer's queue beside others.
    own.unwrap_or(MESSAGE_BYTES_MOST).min(config.produce_bytes_max / 4)
}

/// Whether a topic takes a record, plain or packed; `plain_bytes_max` is what [`plain_bytes_max`]
/// says of it.
pub(super) fn takes(record: &Outgoing<'_>, bytes_max: usize, plain_bytes_max: usize) -> bool {
    let bytes = record.bytes();
    bytes <= bytes_max || bytes <= plain_bytes_max && fits_packed(record, bytes_max)
}

fn fits_packed(record: &Outgoing<'_>, bytes_max: usize) -> bool {
    let beside = record.bytes() - record.value.len();
    let packed = zstd::bulk::compress(record.value, LEVEL).map_or(usize::MAX / 2, |packed| packed.len());
    packed + packed / SLACK_DIVISOR + beside <= bytes_max
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committer::Channel;

    fn config(properties: &[(&str, &str)]) -> KafkaConfig {
        let mut config = KafkaConfig::default();
        for (name, value) in properties {
            config.client.insert((*name).to_owned(), ClientProperty::Value((*value).to_owned()));
        }
        config
    }

    #[test]
    fn what_repeats_itself_fits_and_noise_does_not() {
        let page = b"a page tells of a bridge ".repeat(40_000);
        assert!(fits_packed(&Outgoing::plain(Channel::Clean, &page), 10_000));
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..100_000).map(|_| random()).collect();
        assert!(!fits_packed(&Outgoing::plain(Channel::Clean, &noise), 100_000));
        let key = vec![1; 20_000];
        assert!(!fits_packed(&Outgoing { key: Some(&key), ..Outgoing::plain(Channel::Clean, &page) }, 20_000));
    }

    #[test]
    fn what_the_user_sets_counts() {
        assert_eq!(plain_bytes_max(&config(&[])), KafkaConfig::default().produce_bytes_max / 4);
        assert_eq!(plain_bytes_max(&config(&[("message.max.bytes", "5000")])), 5000);
        assert_eq!(plain_bytes_max(&config(&[("compression.type", "lz4")])), 0);
        assert!(plain_bytes_max(&config(&[("compression.codec", "zstd")])) > 0);
    }
}
