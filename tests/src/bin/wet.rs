//! Writes a mirror of WET files from the sample crawl, and its paths file, for measuring a replay
//! over gigabytes: `wet FOLDER GIGABYTES [FILES]`. The gigabytes are those of the unpacked records.

use std::{env, error::Error, io::Write, path::Path};

use testkit::mirror;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, gigabytes, rest @ ..] = arguments.as_slice() else {
        return Err("expected FOLDER GIGABYTES [FILES]".into());
    };
    let files: u64 = rest.first().map_or(Ok(16), |files| files.parse())?;
    let written = mirror::write(Path::new(folder), (gigabytes.parse::<f64>()? * 1e9) as u64, files.max(1))?;
    writeln!(std::io::stdout(), "{written} bytes of records in {files} files, listed in {folder}/wet.paths.gz")?;
    Ok(())
}
