//! Batches from the caller's code.

use std::borrow::Cow;

use super::axes::{First, first_axes, sample_count};
use super::convert::to_float;
use super::once::Once;
use super::{Batch, BatchSource, fit};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Tensor, TensorSpec};

/// Makes a source of batches from the function `next`. The source ends when `next` returns `None` or an
/// error.
///
/// Every call returns one batch: a tensor for each of `inputs`, in any order, with the input's type and
/// shape. Samples are along the first axis if the input has them there. The tensors become part of the
/// [`Batch`] without a copy, except that another floating-point type is rounded to the input's. All inputs
/// with a dynamic first dimension for the batch must have the same number of samples.
///
/// # Errors
/// [`BatchSource::next_batch`] fails if `next` fails. It also fails if a batch lacks an input, names an
/// unknown input, has an input twice, or has a tensor that does not fit.
pub fn from_fn<F>(inputs: &[TensorSpec], next: F) -> impl BatchSource + use<F>
where
    F: FnMut() -> Result<Option<Vec<(String, Tensor)>>> + Send,
{
    Once::new(Callback { first: first_axes(inputs), inputs: inputs.to_vec(), next })
}

struct Callback<F> {
    inputs: Vec<TensorSpec>,
    first: Vec<First>,
    next: F,
}

impl<F: FnMut() -> Result<Option<Vec<(String, Tensor)>>> + Send> BatchSource for Callback<F> {
    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let check = |given| check(&self.inputs, &self.first, given);
        (self.next)().and_then(|given| given.map(check).transpose())
    }

    fn remaining(&self) -> Option<usize> {
        None
    }
}

/// Puts the tensors in the model's order and checks each against its input.
fn check(specs: &[TensorSpec], first: &[First], mut given: Vec<(String, Tensor)>) -> Result<Batch> {
    let mut inputs = Vec::with_capacity(specs.len());
    for (spec, &first) in specs.iter().zip(first) {
        let position = given.iter().position(|(name, _)| *name == spec.name).ok_or_else(|| {
            Error::new(ErrorKind::Data, format!("the batch has no tensor for input '{}'", spec.name))
                .with_remedy("return one tensor per input of the model")
        })?;
        let (name, tensor) = given.swap_remove(position);
        let converted = match to_float(&format!("tensor for '{name}'"), &tensor, spec.dtype)? {
            Cow::Owned(converted) => Some(converted),
            Cow::Borrowed(_) => None,
        };
        let tensor = converted.unwrap_or(tensor);
        fit::check_whole(&tensor.view(), spec, first)?;
        inputs.push((name, tensor));
    }
    if let Some((name, _)) = given.first() {
        return Err(Error::new(ErrorKind::Data, format!("the batch has a tensor '{name}' too many"))
            .with_remedy("return one tensor per input of the model"));
    }
    let samples = sample_count(specs, first, &inputs)?;
    Ok(Batch { inputs, samples, repeats: 0 })
}
