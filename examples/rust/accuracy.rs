//! Measures the gain of the methods that recover accuracy over plain rounding.
//!
//! Prints a table of the SQNR of each model's first output.
//!
//!     cargo run --release --example accuracy -- digits=tests/data/digits residual_cnn=target/models/residual_cnn

use std::path::{Path, PathBuf};

use qdq::batch::{self, BatchSource, DataOptions};
use qdq::emit::Weights;
use qdq::error::{Error, ErrorKind, Result};
use qdq::onnx::Model;
use qdq::pipeline::{self, CompareOptions, Passes, RecoverOptions, go_on};
use qdq::place::Policy;
use qdq::range::Method;
use qdq::recover::Recovery;
use qdq::report::table::{Align, Table};
use qdq::runtime::RuntimeOptions;

fn open(data: &Path, model: &Model) -> Result<Box<dyn BatchSource>> {
    batch::open(&[data.to_owned()], &model.inputs(), &DataOptions::default())
}

fn main() {
    let run = || -> Result<Table> {
        let columns = ["plain", "equalization", "learned rounding", "bias correction", "all three"];
        let columns = columns.map(|title| (title, Align::Right));
        let mut table =
            Table::new(&[&[("model", Align::Left), ("weights", Align::Left)][..], &columns].concat());
        for argument in std::env::args().skip(1) {
            let (name, place) = argument.split_once('=').ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("'{argument}' is no NAME=FOLDER or NAME=FILES"),
                )
            })?;
            for bits in [4, 8] {
                let mut row = vec![name.to_owned(), format!("int{bits}")];
                row.extend(gains(&files(place), bits)?);
                table.row(row);
            }
        }
        Ok(table)
    };
    match run() {
        Ok(table) => println!("SQNR of the output in dB, and the gain over plain rounding\n\n{table}"),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    }
}

/// Returns the paths of the model, its calibration data and its test data.
///
/// They are in a folder, or their names have a common beginning.
fn files(place: &str) -> [PathBuf; 3] {
    if Path::new(place).is_dir() {
        ["model.onnx", "calib.npz", "test.npz"].map(|file| Path::new(place).join(file))
    } else {
        ["onnx", "calib.npz", "test.npz"].map(|ending| PathBuf::from(format!("{place}.{ending}")))
    }
}

fn gains([model, calibration, test]: &[PathBuf; 3], bits: u32) -> Result<Vec<String>> {
    let float = Model::open(model)?;
    let prepared = pipeline::prepare(&float)?;
    let plan = prepared.plan(&Policy::default())?;
    let (runtime, method) = (RuntimeOptions::default(), Method::default());
    let mut data = open(calibration, &float)?;
    let stats = prepared.calibrate(&plan, data.as_mut(), &Default::default(), &mut go_on)?;
    let ranges = prepared.ranges(&plan, &stats, method)?;
    let weights = Weights { bits, ..Weights::default() };
    let (off, on) = (Recovery::default(), true);
    let methods = [
        off,
        Recovery { equalization: on, ..off },
        Recovery { learned_rounding: on, ..off },
        Recovery { bias_correction: on, ..off },
        Recovery { equalization: on, learned_rounding: on, bias_correction: on, ..off },
    ];
    let mut cells = Vec::new();
    let mut plain = None;
    for recovery in methods {
        let mut again = || open(calibration, &float);
        let mut passes = Passes { open: &mut again, runtime: &runtime, report: &mut go_on };
        let options = RecoverOptions { weights: weights.clone(), recovery, method };
        let recovered = prepared.recover(&plan, &ranges, &options, &mut passes)?;
        let mut data = open(test, &float)?;
        let options = CompareOptions::default();
        let compared = pipeline::compare(&float, &recovered.model, data.as_mut(), &options, &mut go_on)?;
        let sqnr = compared.outputs.first().and_then(|output| output.metrics.sqnr_db()).unwrap_or(f64::NAN);
        cells.push(match plain {
            None => format!("{sqnr:.2}"),
            Some(plain) => format!("{sqnr:.2} ({:+.2})", sqnr - plain),
        });
        plain = plain.or(Some(sqnr));
    }
    Ok(cells)
}
