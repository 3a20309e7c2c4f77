//! Which objects lie below a prefix of a bucket?
//!
//! A key may have empty steps (`a//b`), `.` or `..`, which are no paths. The library refuses a whole
//! answer for one of them. So such an answer is asked for again in halves, until the key stands
//! alone; it is left out and named, and the listing goes on behind it.
//!
//! **Cost** about 20 requests more for each such key.

use object_store::{
    Error, ObjectMeta, Result,
    list::{PaginatedListOptions, PaginatedListStore},
    path,
};

/// Keys of an answer: the most that S3 gives.
const PAGE: usize = 1000;
/// The most keys that are left out: a bucket with more of them is not meant to be read by paths.
const LEFT_OUT_MAX: usize = 10_000;

/// The objects of a listing, and the keys that are no paths.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) objects: Vec<ObjectMeta>,
    pub(super) left_out: Vec<String>,
}

/// Lists objects, but no more than `objects_max` and one answer.
pub(super) async fn list(store: &dyn PaginatedListStore, prefix: Option<&str>, objects_max: usize) -> Result<Listing> {
    let mut listing = Listing::default();
    let (mut offset, mut page_token, mut keys) = (None, None, PAGE);
    loop {
        let options = PaginatedListOptions {
            offset: Option::clone(&offset),
            page_token: Option::clone(&page_token),
            max_keys: Some(keys),
            ..PaginatedListOptions::default()
        };
        match store.list_paginated(prefix, options).await {
            Ok(page) => {
                listing.objects.extend(page.result.objects);
                page_token = page.page_token;
                if page_token.is_none() || listing.objects.len() > objects_max {
                    return Ok(listing);
                }
            }
            Err(Error::InvalidPath { .. }) if keys > 1 => keys /= 2,
            Err(Error::InvalidPath { source }) if listing.left_out.len() < LEFT_OUT_MAX => {
                let Some(key) = key_of(&source) else { return Err(Error::InvalidPath { source }) };
                listing.left_out.push(key.to_owned());
                (offset, page_token, keys) = (Some(key.to_owned()), None, PAGE);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The key that is no path.
fn key_of(error: &path::Error) -> Option<&str> {
    match error {
        path::Error::EmptySegment { path } | path::Error::BadSegment { path, .. } => Some(path),
        _ => None,
    }
}
