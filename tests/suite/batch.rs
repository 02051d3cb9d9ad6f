//! Calibration data from files, through the public API.

mod arrays;
mod damaged;
mod feeds;
mod formats;
mod images;
mod many;
mod refused;

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use qdq::batch::{self, Batch, DataOptions};
use qdq::dtype::DataType;
use qdq::error::Result;
use qdq::tensor::{Data, Dim, Tensor, TensorSpec};

/// Dimensions of an input; 0 stands for a dynamic one.
fn input(name: &str, dtype: DataType, dims: &[usize]) -> TensorSpec {
    let dim = |&size: &usize| if size == 0 { Dim::Unknown } else { Dim::Fixed(size) };
    TensorSpec { name: name.to_owned(), dtype: Some(dtype), shape: Some(dims.iter().map(dim).collect()) }
}

/// Returns a `.npy` file with these facts in the header and with `data`.
fn npy_of(descr: &str, fortran: bool, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let mut dims = String::new();
    shape.iter().for_each(|dim| write!(dims, "{dim}, ").unwrap());
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({dims}), }}\n");
    let length = u16::try_from(header.len()).unwrap();
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// Returns a `.npy` file of f32 in row-major order.
fn npy(shape: &[usize], values: &[f32]) -> Vec<u8> {
    npy_of("<f4", false, shape, &values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>())
}

fn npz(arrays: &[(&str, Vec<u8>)], deflated: bool) -> Vec<u8> {
    let method = if deflated { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Returns 0, 1, 2, ...
fn ramp(len: usize) -> Vec<f32> {
    (0..len).map(|x| x as f32).collect()
}

/// Makes a folder with these files. A name may contain folders.
fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

/// Reads every batch of `paths`.
fn read(paths: &[PathBuf], inputs: &[TensorSpec], options: &DataOptions) -> Result<Vec<Batch>> {
    let mut source = batch::open(paths, inputs, options)?;
    let expected = source.remaining().unwrap();
    let batches = std::iter::from_fn(|| source.next_batch().transpose()).collect::<Result<Vec<_>>>()?;
    assert_eq!(batches.len(), expected);
    assert_eq!(source.remaining(), Some(0));
    Ok(batches)
}

/// Reads every batch of one file with the name `name`.
fn read_one(name: &str, bytes: Vec<u8>, inputs: &[TensorSpec], options: &DataOptions) -> Result<Vec<Batch>> {
    let folder = folder(&[(name, bytes)]);
    read(&[folder.path().join(name)], inputs, options)
}

fn floats(tensor: &Tensor) -> &[f32] {
    let Data::F32(values) = tensor.data() else { panic!("{:?}", tensor.dtype()) };
    values
}

/// Returns the first input's values, batch after batch.
fn first_values(batches: &[Batch]) -> Vec<f32> {
    batches.iter().flat_map(|batch| floats(&batch.inputs[0].1)).copied().collect()
}

fn shapes(batches: &[Batch]) -> Vec<&[usize]> {
    batches.iter().map(|batch| batch.inputs[0].1.shape()).collect()
}

fn sized(batch_size: usize) -> DataOptions {
    DataOptions { batch_size: Some(batch_size), ..DataOptions::default() }
}

fn digits(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits").join(name)
}
