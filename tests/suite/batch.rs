//! Calibration data from files, through the public API.

use std::path::{Path, PathBuf};

use qdq::batch::{self, BatchSource, DataOptions};
use qdq::dtype::DataType;
use qdq::tensor::{Dim, TensorSpec};

fn digits(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits").join(name)
}

fn spec(name: &str, dtype: DataType, shape: &[Dim]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), dtype: Some(dtype), shape: Some(shape.to_vec()) }
}

fn digit_input() -> TensorSpec {
    spec("input", DataType::F32, &[Dim::Unknown, Dim::Fixed(1), Dim::Fixed(8), Dim::Fixed(8)])
}

fn sizes(source: &mut dyn BatchSource) -> Vec<usize> {
    std::iter::from_fn(|| source.next_batch().unwrap()).map(|batch| batch.samples).collect()
}

#[test]
fn real_data_arrives_whole_in_batches() {
    let options = DataOptions { batch_size: Some(100), ..DataOptions::default() };
    let mut source = batch::open(&[digits("calib.npz")], &[digit_input()], &options).unwrap();
    assert_eq!(source.remaining(), Some(3));
    assert_eq!(sizes(source.as_mut()), [100, 100, 56]);
}
