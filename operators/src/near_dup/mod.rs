//! Which earlier clean document is this one a copy of, but for small edits?
//!
//! **Finds** texts whose word 5-grams overlap by [`Config::similarity_min`] or more (Jaccard), by
//! `MinHash` and banding (Broder 1997; Indyk, Motwani 1998). Words are compared as they are
//! written: numbers are not masked; line breaks and punctuation do not count.
//!
//! **Misses** heavier edits, and by chance some light ones. Two texts of similarity J have a band
//! in common with probability 1 - (1 - J^rows)^bands:
//!
//! | bands x rows | J=.3 | .4 | .5 | .6 | .7 | .75 | .8 | .85 | .9 | .95 |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | 14 x 8 (default) | .001 | .009 | .053 | .211 | .565 | .772 | .924 | .988 | 1.00 | 1.00 |
//! | 16 x 8 | .001 | .010 | .061 | .237 | .613 | .815 | .947 | .994 | 1.00 | 1.00 |
//! | 20 x 5 | .047 | .186 | .470 | .802 | .975 | .996 | 1.00 | 1.00 | 1.00 | 1.00 |
//! | 32 x 4 | .229 | .564 | .873 | .988 | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 |
//!
//! Words are those of [`text`](crate::text) in every script, so the same share of changed words gives
//! the same answer: of pages of 150 to 300 words of real text with 2, 4, 6% of the words replaced it
//! finds .96, .01, 0 in English, .94 to .98, .00 to .04, 0 in German, Russian, Arabic, Vietnamese,
//! Korean, Chinese, Japanese and Thai. If what is replaced are not words but pieces of text of random
//! length, each of them touches more words, and it finds .94, .68 and .82 in Chinese, Japanese and
//! Thai with 2%. Of the short lines of real pages .04% are lost in English, up to .4% in the others
//! (in Thai 2%, nearly all of them headlines with and without the name of their site).
//!
//! So 14 x 8 finds less than half of the texts of which a random 5% of the words were changed (J
//! about .66), whatever `similarity_min` says. Texts under [`Config::words_min`] words are never
//! copies, nor are texts that were cut at the token limit: what was not read cannot be compared.
//!
//! A common band is only a hint. It is *verified* ([`verify`]): by the exact similarity if the
//! horizon still has the other text, else by the signature, with a margin. Verified candidates are
//! never chained: the document that is named was compared with this one. Clusters ([`clusters`])
//! are kept for reports alone.
//!
//! **Cost** about 15 ns a word, and 30 us for each document that is like an earlier one. **State**
//! 10 bytes a band (8 at a load of .75 to .84) and 36 bytes of signature a document: 176 bytes
//! (+-10%) at 14 x 8. The older half of [`Config::documents_max`] is forgotten as a whole at an
//! epoch boundary.

pub mod clusters;
mod config;
pub mod copies;
pub mod index;
pub mod merge_index;
pub mod minhash;
mod record;
pub mod signatures;
pub mod verify;

pub use config::{Config, MINIMA_MAX};
pub use copies::NearDup;
