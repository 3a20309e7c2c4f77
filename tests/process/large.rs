//! A replay over gigabytes has bounded memory, and kills change no byte of its output.
//!
//! This is a long test: `cargo test --release -p pipeline --test process -- --ignored large
//! --nocapture`. `WEIR_TEST_GIGABYTES` sets the size of the input (5), and `WEIR_TEST_FOLDER` a
//! folder with room for one and a half times as much.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use testkit::{mirror, random::Random};

use crate::weir::{folder, weir};

const KILLS: u32 = 5;
/// Peak of resident memory, in MiB, that no amount of input may exceed with the default bounds. It
/// is made up of 6 million candidate phrases of up to 64 carriers (3.4 GB, held twice and an eighth
/// for the snapshots' copies), a GiB of tokens, and the rest. Measured: 7,975.
const RSS_MAX_MIB: u64 = 10_240;
const KILLED: i32 = 9;

/// Learns a background from the mirror's own reference. With another sample's many ordinary phrases
/// of the mirror would raise alarms.
fn learn(mirror: &Path) {
    let (reference, background) = (mirror.join("reference.jsonl.gz"), mirror.join("background.weir"));
    let status = weir(["learn"]).arg(reference).arg("--output").arg(background).status();
    assert!(status.expect("weir runs").success(), "weir learn");
}

/// Starts a run with the default configuration, as a user would.
fn start(mirror: &Path, output: &Path) -> Child {
    let mut command = weir(["--set", "output.compression=zstd", "replay", "--background"]);
    command.arg(mirror.join("background.weir"));
    command.arg("--paths").arg(mirror.join("wet.paths.gz")).arg("--base").arg(mirror);
    command.arg("--output").arg(output).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.spawn().expect("weir runs")
}

/// Returns the peak of a running process's resident memory, in MiB.
fn peak(process: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
}

/// Waits for the end, or kills the process after `limit`; returns whether it has ended, and the
/// peak of its memory.
fn wait(process: &mut Child, limit: Duration) -> (bool, u64) {
    let (begun, mut most) = (Instant::now(), 0);
    loop {
        most = most.max(peak(process));
        if let Some(status) = process.try_wait().expect("a child") {
            assert!(status.success(), "weir replay: {status}");
            return (true, most);
        }
        if begun.elapsed() >= limit {
            process.kill().expect("a signal is sent");
            let status = process.wait().expect("it ends");
            assert!(status.success() || status.signal() == Some(KILLED), "weir replay: {status}");
            return (status.success(), most);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Returns digests of all outputs that must be the same from run to run; there is no room on disk
/// for two outputs.
fn digests(output: &Path) -> BTreeMap<PathBuf, u64> {
    let (mut digests, mut folders) = (BTreeMap::new(), vec![output.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(output).expect("inside").to_owned();
            if name == Path::new(".weir") || name == Path::new("timings.json") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
            io::copy(&mut File::open(&path).expect("there"), &mut hasher).expect("read");
            digests.insert(name, hasher.0);
        }
    }
    digests
}

/// The hash function FNV-1a.
struct Fnv(u64);

impl io::Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
#[ignore = "an hour and more, and gigabytes of disk"]
fn large_mirrors_are_replayed_in_bounded_memory_and_resumed() {
    let gigabytes: f64 = env::var("WEIR_TEST_GIGABYTES").map_or(5.0, |text| text.parse().expect("a number"));
    let home = env::var_os("WEIR_TEST_FOLDER").map_or_else(folder, |path| tempfile::tempdir_in(path).expect("a folder"));
    let mirror = home.path().join("mirror");
    let bytes = mirror::write(&mirror, (gigabytes * 1e9) as u64, 16).expect("written");
    learn(&mirror);
    let output = home.path().join("out");
    let begun = Instant::now();
    let mut process = start(&mirror, &output);
    let (ended, quiet) = wait(&mut process, Duration::MAX);
    let whole = begun.elapsed();
    assert!(ended);
    let expected = digests(&output);
    let report = fs::read_to_string(output.join("report.json")).expect("a report");
    fs::remove_dir_all(&output).expect("removed");

    let mut random = Random::new(17);
    let (mut kills, mut most) = (0, 0);
    loop {
        let limit = if kills < KILLS { whole.mul_f64(0.1 + random.below(200) as f64 / 1000.0) } else { Duration::MAX };
        let (ended, peak) = wait(&mut start(&mirror, &output), limit);
        most = most.max(peak);
        if ended {
            break;
        }
        kills += 1;
    }
    assert!(kills >= KILLS - 2, "only {kills} kills came before the end");
    assert!(digests(&output) == expected, "other bytes after {kills} kills");
    let received = report.lines().find(|line| line.contains("received")).unwrap_or_default().trim().to_owned();
    #[expect(clippy::print_stdout, reason = "figures for people")]
    {
        println!("{bytes} bytes, {received} {whole:.0?}; peak {quiet} MiB, {most} MiB over {kills} kills, the same bytes");
    }
    assert!(quiet.max(most) < RSS_MAX_MIB, "{quiet} and {most} MiB, expected below {RSS_MAX_MIB}");
}
