//! The outputs of both models as an `.npz` file.

use std::fs::File;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use ndarray_npy::NpzWriter;
use qdq::error::{Context, Error, ErrorKind, Result};
use qdq::pipeline::Outputs;
use qdq::tensor::{Data, Tensor};

/// Writes the outputs. The arrays are called `float.NAME` and `quantized.NAME`.
///
/// The samples follow one another along the first axis. Outputs that have not one entry for each sample
/// there, such as boxes, and those whose other axes differ, are an array for each batch: `float.NAME.0`,
/// `float.NAME.1` and so on.
pub fn save(path: &Path, outputs: &Outputs<'_>) -> Result<()> {
    let file = File::create(path).map_err(|error| Error::io("write", path, error))?;
    let mut npz = NpzWriter::new(file);
    for (model, batches) in [("float", &outputs.float), ("quantized", &outputs.quantized)] {
        for (at, name) in outputs.names.iter().enumerate() {
            let parts: Vec<&Tensor> = batches.iter().filter_map(|batch| batch.get(at)).collect();
            match joined(&parts, &outputs.samples) {
                Some(whole) => add(&mut npz, &format!("{model}.{name}"), &whole)?,
                None => {
                    for (number, part) in parts.iter().enumerate() {
                        add(&mut npz, &format!("{model}.{name}.{number}"), part)?;
                    }
                }
            }
        }
    }
    npz.finish().context(ErrorKind::Io, || format!("{}: cannot be written", path.display()))?;
    Ok(())
}

/// Joins the batches along the first axis, if that has the samples; `None` if it does not, or if another axis
/// differs.
fn joined(parts: &[&Tensor], samples: &[usize]) -> Option<Tensor> {
    let (first, rest) = parts.split_first()?;
    let (_, inner) = first.shape().split_first()?;
    let is_alike = |part: &&Tensor| part.shape().split_first().is_some_and(|(_, other)| other == inner);
    if !rest.iter().all(|part| is_alike(part) && part.dtype() == first.dtype()) {
        return None;
    }
    if !parts.iter().zip(samples).all(|(part, &samples)| part.shape()[0] == samples) {
        return None;
    }
    let count: usize = samples.iter().sum();
    let shape = [&[count], inner].concat();
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.view().data().as_bytes()).copied().collect();
    Tensor::from_bytes(first.dtype(), shape, &bytes).ok()
}

/// Adds an array. 16-bit floating-point numbers become `f32`, which NumPy has.
fn add(npz: &mut NpzWriter<File>, name: &str, tensor: &Tensor) -> Result<()> {
    let shape = IxDyn(tensor.shape());
    macro_rules! written {
        ($values:expr) => {
            ArrayD::from_shape_vec(shape, $values.to_vec())
                .map_err(|error| error.to_string())
                .and_then(|array| npz.add_array(name, &array).map_err(|error| error.to_string()))
        };
    }
    let written = match tensor.data() {
        Data::F32(values) => written!(values),
        Data::F64(values) => written!(values),
        Data::I64(values) => written!(values),
        Data::I32(values) => written!(values),
        Data::I16(values) => written!(values),
        Data::I8(values) => written!(values),
        Data::U8(values) => written!(values),
        Data::U16(values) => written!(values),
        Data::U32(values) => written!(values),
        Data::U64(values) => written!(values),
        Data::Bool(values) => written!(values),
        _ => match tensor.view().data().to_f32() {
            Some(values) => written!(values),
            None => written!(tensor.view().data().as_bytes()),
        },
    };
    written.map_err(|cause| {
        Error::new(ErrorKind::Io, format!("--metric: output '{name}' cannot be written: {cause}"))
            .with_remedy("make sure that the temporary folder has space")
    })
}
