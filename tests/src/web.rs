//! A web server for tests that can be told to fail.
//!
//! It serves bytes from memory on loopback, whole files and ranges, and does on request what real
//! servers do: it breaks connections, stalls, answers with an error, ignores ranges or leaves out
//! versions. To a client of S3 its first folder is a bucket, which it lists page by page.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    io::{BufRead, BufReader, Result, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// How an answer goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebFault {
    /// The answer has this status and no body.
    Status(u16),
    /// The connection is closed after so many bytes of the body.
    Cut(usize),
    /// After so many bytes of the body nothing comes for so long; then the connection is closed.
    Stall(usize, Duration),
}

#[derive(Default)]
struct ServerState {
    /// The bytes and the version number of each path.
    files: BTreeMap<String, (Vec<u8>, u64)>,
    versions: u64,
    faults: VecDeque<WebFault>,
    requests: Vec<String>,
    ranges: bool,
    etags: bool,
    /// The access key that requests must be signed with, if there is one.
    key: Option<String>,
}

/// How many keys a page of a listing has: few, so that small listings have several pages.
const PAGE: usize = 2;

/// A running server. It stops when it is dropped.
pub struct Web {
    address: String,
    shared: Arc<Mutex<ServerState>>,
    ended: Arc<AtomicBool>,
}

impl Web {
    /// Starts a server that knows ranges and versions.
    ///
    /// # Panics
    /// If there is no port on loopback.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Mutex::new(ServerState { ranges: true, etags: true, ..ServerState::default() }));
        let ended = Arc::new(AtomicBool::new(false));
        let (state, end) = (Arc::clone(&shared), Arc::clone(&ended));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(|stream| stream.ok().filter(|_| !end.load(Ordering::Relaxed))) {
                let state = Arc::clone(&state);
                // A client that goes away is no failure of the server's.
                thread::spawn(move || drop(answer(&stream, &state)));
            }
        });
        Self { address, shared, ended }
    }

    fn shared(&self) -> MutexGuard<'_, ServerState> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the address of a path; the path begins with no slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Serves these bytes at a path from now on, as a new version. The path is percent-encoded, as
    /// it is in requests.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut shared = self.shared();
        shared.versions += 1;
        let version = shared.versions;
        shared.files.insert(format!("/{path}"), (bytes.to_vec(), version));
    }

    /// Makes the next answers that have a body go wrong, one fault each.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = WebFault>) {
        self.shared().faults.extend(faults);
    }

    /// Makes the server ignore ranges from now on.
    pub fn forget_ranges(&self) {
        self.shared().ranges = false;
    }

    /// Makes the server leave out versions (`ETag`) from now on.
    pub fn forget_versions(&self) {
        self.shared().etags = false;
    }

    /// Makes the server refuse requests that are not signed with this access key. It does not check
    /// the signature itself.
    pub fn require_key(&self, key: &str) {
        self.shared().key = Some(key.to_owned());
    }

    /// Returns the requests so far: method, path and range.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.shared().requests.clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the one that waits for connections.
        let _ = TcpStream::connect(&self.address);
    }
}

fn answer(mut stream: &TcpStream, shared: &Mutex<ServerState>) -> Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let (head, body, fault) = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let range = headers.get("range").cloned().unwrap_or_default();
        shared.requests.push(format!("{method} {path} {range}").trim_end().to_owned());
        let fault = if method == "GET" { shared.faults.pop_front() } else { None };
        let (head, body) = shared.respond(&path, &headers);
        (head, body, fault)
    };
    if let Some(WebFault::Status(status)) = fault {
        return write!(stream, "HTTP/1.1 {status} Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    stream.write_all(head.as_bytes())?;
    if method == "HEAD" {
        return Ok(());
    }
    match fault {
        Some(WebFault::Cut(bytes)) => stream.write_all(&body[..bytes.min(body.len())]),
        Some(WebFault::Stall(bytes, pause)) => {
            stream.write_all(&body[..bytes.min(body.len())])?;
            thread::sleep(pause);
            Ok(())
        }
        _ => stream.write_all(&body),
    }
}

impl ServerState {
    /// Composes head and body of an answer without a fault.
    fn respond(&self, path: &str, headers: &BTreeMap<String, String>) -> (String, Vec<u8>) {
        let end = "Connection: close\r\n\r\n";
        if let Some(key) = &self.key {
            let signed = format!("AWS4-HMAC-SHA256 Credential={key}/");
            if !headers.get("authorization").is_some_and(|header| header.starts_with(&signed)) {
                return (format!("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n{end}"), Vec::new());
            }
        }
        if let Some((bucket, query)) = path.split_once('?').filter(|(_, query)| query.contains("list-type=2")) {
            let page = self.list(bucket, query);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n{end}", page.len());
            return (head, page.into_bytes());
        }
        let Some((bytes, version)) = self.files.get(path) else {
            return (format!("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n{end}"), Vec::new());
        };
        let etag = format!("\"v{version}\"");
        if self.etags && headers.get("if-match").is_some_and(|wanted| *wanted != etag) {
            return (format!("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n{end}"), Vec::new());
        }
        let told = if self.etags { format!("ETag: {etag}\r\n") } else { String::new() };
        let range = headers.get("range").filter(|_| self.ranges).and_then(|range| {
            let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
            Some((from.parse::<usize>().ok()?, to.parse::<usize>().map_or(bytes.len(), |to| (to + 1).min(bytes.len()))))
        });
        match range {
            None => (format!("HTTP/1.1 200 OK\r\n{told}Content-Length: {}\r\n{end}", bytes.len()), bytes.clone()),
            Some((from, to)) => {
                let (all, last, length) = (bytes.len(), to - 1, to - from);
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\n{told}Content-Range: bytes {from}-{last}/{all}\r\nContent-Length: {length}\r\n{end}"
                );
                (head, bytes[from..to].to_vec())
            }
        }
    }

    /// Composes a page of the answer to S3's `ListObjectsV2`. A page's token is the last key of the
    /// page before.
    fn list(&self, bucket: &str, query: &str) -> String {
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|pair| pair.0 == name).map_or_else(String::new, |pair| pair.1.replace("%2F", "/"))
        };
        let (prefix, after) = (value("prefix"), value("continuation-token").max(value("start-after")));
        let most = value("max-keys").parse().map_or(PAGE, |most: usize| most.min(PAGE));
        let bucket = format!("{bucket}/");
        let keys = self.files.iter().filter_map(|(path, file)| Some((path.strip_prefix(&bucket)?, file)));
        let mut keys = keys.filter(|(key, _)| key.starts_with(&prefix) && *key > after.as_str()).peekable();
        let mut page = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>".to_owned();
        for (number, (key, (bytes, version))) in keys.by_ref().take(most).enumerate() {
            let _ = write!(
                page,
                "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;v{version}&quot;</ETag>\
                 <Size>{}</Size></Contents>",
                bytes.len()
            );
            if number + 1 == most {
                let _ = write!(page, "<NextContinuationToken>{key}</NextContinuationToken>");
            }
        }
        let _ = write!(page, "<IsTruncated>{}</IsTruncated></ListBucketResult>", keys.peek().is_some());
        page
    }
}
