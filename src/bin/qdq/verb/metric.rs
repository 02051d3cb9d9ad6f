//! A program of the user's that judges the outputs of both models.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use qdq::error::{Context, Error, ErrorKind, Result};
use qdq::pipeline::Outputs;

use super::metric_file;

/// The bytes of a program's output that are read.
const MOST_OUTPUT: u64 = 1 << 16;

/// The time between two looks at a running program.
const LOOK: Duration = Duration::from_millis(5);

/// A program that judges.
pub struct Program {
    path: PathBuf,
    limit: Duration,
    folder: tempfile::TempDir,
}

impl Program {
    /// Checks that there is such a program, before the work starts.
    pub fn open(path: &Path, seconds: u64) -> Result<Self> {
        let found = path.canonicalize().map_err(|error| {
            Error::io("run", path, error)
                .with_remedy("give the path of a program to --metric, such as ./metric.sh")
        })?;
        if found.is_dir() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("--metric: {} is a folder", path.display()),
            )
            .with_remedy("give the path of a program"));
        }
        let folder =
            tempfile::tempdir().context(ErrorKind::Io, || "no temporary folder can be made".to_owned())?;
        Ok(Self { path: found, limit: Duration::from_secs(seconds), folder })
    }

    /// Runs the program on the outputs, and returns the number that it prints.
    ///
    /// The file is made anew for each run, so a program may change it.
    pub fn judge(&self, outputs: &Outputs<'_>) -> Result<f64> {
        let file = self.folder.path().join("outputs.npz");
        metric_file::save(&file, outputs)?;
        let text = self.run(&file)?;
        let number = text.trim();
        number.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(|| {
            let shown: String = number.chars().take(80).collect();
            self.failed(format!("printed '{shown}', which is no number"))
                .with_remedy("print one number to standard output, and everything else to standard error")
        })
    }

    fn run(&self, file: &Path) -> Result<String> {
        let mut child = Command::new(&self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // A group of its own, so that the programs that it starts end with it.
            .process_group(0)
            .spawn()
            .map_err(|error| {
                self.failed(format!("cannot be started: {error}"))
                    .with_remedy("make it executable, and name its interpreter in the first line of a script")
            })?;
        if let Some(mut input) = child.stdin.take() {
            // A program that reads nothing closes its end.
            let _ = writeln!(input, "{}", file.display());
        }
        let output = read(&mut child);
        let status = self.wait(&mut child)?;
        if !status.success() {
            return Err(self.failed(format!("failed: {status}")).with_remedy("see its messages above"));
        }
        output.recv_timeout(self.limit).map_err(|_| {
            self.failed("ended, and something that it started still writes".to_owned())
                .with_remedy("wait for the programs that it starts")
        })
    }

    fn wait(&self, child: &mut Child) -> Result<std::process::ExitStatus> {
        let start = Instant::now();
        loop {
            let status = child.try_wait().map_err(|error| {
                self.failed(format!("is lost: {error}"))
                    .with_remedy("run it again, with fewer programs beside it")
            })?;
            if let Some(status) = status {
                return Ok(status);
            }
            if start.elapsed() > self.limit {
                let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status();
                let _ = child.kill();
                let _ = child.wait();
                let message = format!("was stopped after {} seconds", self.limit.as_secs());
                return Err(self.failed(message).with_remedy("give it more time with --metric-timeout"));
            }
            thread::sleep(LOOK);
        }
    }

    fn failed(&self, message: String) -> Error {
        Error::new(ErrorKind::Runtime, format!("--metric: {} {message}", self.path.display()))
    }
}

/// Reads the program's output in a thread, so that it never waits for its reader.
fn read(child: &mut Child) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    let output = child.stdout.take();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(output) = output {
            let mut output = output.take(MOST_OUTPUT);
            let _ = output.read_to_end(&mut bytes);
            // The rest is read and dropped.
            let _ = std::io::copy(&mut output.into_inner(), &mut std::io::sink());
        }
        let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receive
}
