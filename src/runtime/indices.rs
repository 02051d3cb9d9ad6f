//! Indices beyond the end of the table that they index.
//!
//! This is a fault of the data, but a runtime reports it like a fault of its own.

use std::error::Error as _;

use crate::batch::Batch;
use crate::error::{Error, ErrorKind};
use crate::tensor::DataView;

/// Returns the error of a run in a form that names the cause.
///
/// If an index was beyond its table and the batch has integer inputs, the result is a `Data` error that lists
/// these inputs. Any other error is returned unchanged.
pub(super) fn explained(batch: &Batch, error: Error) -> Error {
    let integers: Vec<String> = batch
        .inputs
        .iter()
        .filter_map(|(name, tensor)| {
            let (least, most) = ends(tensor.view().data())?;
            Some(format!("'{name}' ({least} to {most})"))
        })
        .collect();
    if error.kind() != ErrorKind::Runtime || integers.is_empty() || !is_about_an_index(&error) {
        return error;
    }
    let message = format!(
        "the data has an index beyond the table that it looks up; inputs of integers are: {}",
        integers.join(", ")
    );
    Error::new(ErrorKind::Data, message)
        .with_remedy(
            "give numbers that the network gets in use, such as those of a tokenizer: each below the number of the table's rows",
        )
        .with_source(error)
}

/// Returns whether the error has the words of rten (for Gather, Scatter and similar operators) or of ONNX
/// Runtime for a wrong index.
///
/// The message of a panic has other words and does not match.
fn is_about_an_index(error: &Error) -> bool {
    let mut text = error.message().to_lowercase();
    let mut cause = error.source();
    while let Some(below) = cause {
        text += &below.to_string().to_lowercase();
        cause = below.source();
    }
    let names = |words: &[&str]| words.iter().any(|word| text.contains(word));
    names(&["index", "indices"])
        && names(&["is out of range", "out of data bounds", "out of bounds", "invalid index found"])
        && !names(&["the len is", "axis"])
}

/// Returns the least and the greatest of the integers; `None` for other types and if there are none.
fn ends(data: DataView<'_>) -> Option<(i128, i128)> {
    fn of<T: Copy + Into<i128>>(values: &[T]) -> Option<(i128, i128)> {
        let wide = || values.iter().map(|&value| value.into());
        Some((wide().min()?, wide().max()?))
    }
    match data {
        DataView::I8(values) => of(values),
        DataView::U8(values) => of(values),
        DataView::I16(values) => of(values),
        DataView::U16(values) => of(values),
        DataView::I32(values) => of(values),
        DataView::U32(values) => of(values),
        DataView::I64(values) => of(values),
        DataView::U64(values) => of(values),
        _ => None,
    }
}
