//! Files behind a web server that breaks, stalls and changes: the bytes read are those of one version, or there is an error.

use std::{
    io::Read,
    time::{Duration, Instant},
};

use connectors::{
    byte_range::ByteRange,
    error::Error,
    remote::{Address, Blocks, RemoteClient, RemoteObject, RetryPolicy},
};
use testkit::web::{Web, WebFault};

const RETRY_POLICY: RetryPolicy = RetryPolicy {
    connect: Duration::from_secs(5),
    silence: Duration::from_millis(700),
    retries: 3,
    pause: Duration::from_millis(10),
};

fn client() -> RemoteClient {
    RemoteClient::new(RETRY_POLICY).expect("a thread")
}

/// Three megabytes in which every stretch is another one.
fn bytes() -> Vec<u8> {
    (0..800_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn look_up(client: &RemoteClient, web: &Web, path: &str) -> Result<RemoteObject, Error> {
    let address = Address::parse(&web.url(path))?;
    Ok(client.look_up(&[address])?.remove(0))
}

fn read(client: &RemoteClient, object: &RemoteObject, offset: u64, length: u64) -> Result<Vec<u8>, String> {
    let mut read = Vec::new();
    let mut reader = client.open(object, ByteRange { offset, length }).map_err(|error| error.to_string())?;
    reader.read_to_end(&mut read).map_err(|error| error.to_string())?;
    Ok(read)
}

#[test]
fn whole_files_and_parts_come_as_they_are() {
    let (web, client, bytes) = (Web::start(), client(), bytes());
    web.put("a/b%20c.gz", &bytes);
    web.put("empty", b"");
    let object = look_up(&client, &web, "a/b%20c.gz").expect("there");
    assert_eq!((object.size, object.etag.as_deref()), (bytes.len() as u64, Some("\"v1\"")));
    assert_eq!(read(&client, &object, 0, object.size).expect("read"), bytes);
    for (offset, length) in [(0, 1), (5, 1000), (1_999_999, 700_001), (object.size - 1, 1)] {
        let expected = &bytes[offset as usize..(offset + length) as usize];
        assert_eq!(read(&client, &object, offset, length).expect("read"), expected, "{length} bytes at {offset}");
    }
    let empty = look_up(&client, &web, "empty").expect("there");
    assert_eq!(read(&client, &empty, 0, 0).expect("read"), b"");
    let said = look_up(&client, &web, "missing").expect_err("not there").to_string();
    assert!(said.ends_with("/missing: not found"), "{said}");
    let folder = Address::parse(&web.url("a/")).expect("an address");
    assert!(client.list(&folder).expect_err("no list").to_string().contains("a web server gives no list"));
    assert!(client.look_up(&[folder]).expect_err("no file").to_string().contains("expected the address of a file"));
}

#[test]
fn broken_connections_are_taken_up_where_they_broke() {
    let (web, client, bytes) = (Web::start(), client(), bytes());
    web.put("x", &bytes);
    for versions in [true, false] {
        if !versions {
            web.forget_versions();
        }
        let object = look_up(&client, &web, "x").expect("there");
        assert_eq!(object.etag.is_some(), versions);
        let before = web.requests().len();
        let stall = WebFault::Stall(10_000, Duration::from_secs(3));
        web.fail_next([WebFault::Cut(1_000_000), WebFault::Cut(0), WebFault::Status(503), stall, WebFault::Cut(1_500_000)]);
        assert_eq!(read(&client, &object, 0, object.size).expect("read"), bytes);
        let requests = web.requests().split_off(before);
        assert_eq!(requests.len(), 6, "{requests:?}");
        let later: Vec<&String> = requests.iter().filter(|request| request.starts_with("GET /x bytes=")).collect();
        assert!(later.len() == 5 && later.iter().all(|request| !request.contains("bytes=0-")), "no byte twice: {requests:?}");
        // And within a part.
        web.fail_next([WebFault::Cut(50_000), WebFault::Cut(50_000)]);
        assert_eq!(read(&client, &object, 500_000, 200_000).expect("read"), &bytes[500_000..700_000]);
    }
}

#[test]
fn a_server_without_ranges_is_read_from_its_beginning_again() {
    let (web, client, bytes) = (Web::start(), client(), bytes());
    web.put("x", &bytes);
    web.forget_ranges();
    web.forget_versions();
    let object = look_up(&client, &web, "x").expect("there");
    web.fail_next([WebFault::Cut(1_200_000), WebFault::Cut(2_400_000)]);
    assert_eq!(read(&client, &object, 0, object.size).expect("read"), bytes);
    assert_eq!(read(&client, &object, 70_000, 90_000).expect("read"), &bytes[70_000..160_000]);
    // Not where many parts are read: each would cost all that lies before it.
    let range = |offset, length| {
        let mut reader = client.open_range(&object, ByteRange { offset, length }).expect("an address");
        let mut read = Vec::new();
        reader.read_to_end(&mut read).map(|_| read)
    };
    let said = range(70_000, 90_000).expect_err("no ranges").to_string();
    assert!(said.contains("gives whole files alone, expected one that knows ranges"), "{said}");
    assert_eq!(range(0, object.size).expect("the whole needs none"), bytes);
}

#[test]
fn blocks_are_asked_for_once_while_they_are_kept() {
    let web = Web::start();
    let bytes: Vec<u8> = bytes().into_iter().cycle().take(9_000_000).collect();
    web.put("x", &bytes);
    let object = look_up(&client(), &web, "x").expect("there");
    let before = web.requests().len();
    let blocks = Blocks::new(object);
    let mut read = Vec::new();
    for at in [8_999_990, 0, 4_194_300, 100, 8_500_000, 4_194_304] {
        let mut out = [0; 64];
        let count = blocks.read_at(&mut out, at).expect("read");
        assert!(count > 0 && out[..count] == bytes[at as usize..at as usize + count], "at {at}");
        read.push(count);
    }
    assert_eq!(read, [10, 64, 4, 64, 64, 64], "up to a block's end");
    assert_eq!(blocks.read_at(&mut [0; 8], 9_000_000).expect("the end"), 0);
    assert_eq!(web.requests().len() - before, 3, "{:?}", web.requests());
}

#[test]
fn a_changed_file_is_never_mixed() {
    let (web, client, bytes) = (Web::start(), client(), bytes());
    web.put("x", &bytes);
    let object = look_up(&client, &web, "x").expect("there");
    let mut reader = client.open(&object, ByteRange { offset: 0, length: object.size }).expect("opened");
    web.fail_next([WebFault::Cut(500_000)]);
    let mut first = vec![0; 400_000];
    reader.read_exact(&mut first).expect("read");
    assert_eq!(first, bytes[..400_000]);
    let mut changed = bytes.clone();
    changed[2_000_000] ^= 1;
    web.put("x", &changed);
    let said = reader.read_to_end(&mut first).expect_err("changed").to_string();
    assert!(said.contains("input has changed since the last run") && said.contains("ETag \"v1\""), "{said}");
    assert!(read(&client, &object, 0, object.size).expect_err("changed").contains("has changed"));
    // Versions that are not told are known by their size at least.
    web.forget_versions();
    let object = look_up(&client, &web, "x").expect("there");
    web.put("x", &bytes[1..]);
    assert!(read(&client, &object, 0, object.size).expect_err("changed").contains("3199999 bytes"));
}

#[test]
fn a_server_that_stays_broken_is_an_error_in_time() {
    let (web, client, bytes) = (Web::start(), client(), bytes());
    web.put("x", &bytes);
    let object = look_up(&client, &web, "x").expect("there");
    let began = Instant::now();
    web.fail_next([WebFault::Cut(1000); 40]);
    let said = read(&client, &object, 0, object.size).expect_err("broken");
    assert!(said.contains("/x") && began.elapsed() < Duration::from_secs(20), "{said} after {:?}", began.elapsed());
    let (web, client) = (Web::start(), self::client());
    web.put("x", &bytes);
    let object = look_up(&client, &web, "x").expect("there");
    web.fail_next([WebFault::Status(500); 40]);
    assert!(read(&client, &object, 0, object.size).expect_err("broken").contains("500"));
    // Nobody is there any more.
    let (address, size) = (object.address.clone(), object.size);
    drop(web);
    assert!(read(&client, &object, 0, size).is_err() && client.look_up(&[address]).is_err());
}
