//! A runtime that runs the twin of a model. The twin's inputs and outputs may have other types than the
//! model's.

use std::borrow::Cow;

use super::{Runtime, check};
use crate::batch::Batch;
use crate::error::Result;
use crate::onnx::{from_plain_type, in_plain_type};
use crate::tensor::{Tensor, TensorSpec};

/// The inputs and outputs of the model itself.
pub(super) struct Declared {
    pub inputs: Vec<TensorSpec>,
    pub outputs: Vec<TensorSpec>,
}

/// The twin, with inputs and outputs of the types that the model declares.
pub(super) struct Widened {
    twin: Box<dyn Runtime>,
    declared: Declared,
}

impl Widened {
    pub fn new(twin: Box<dyn Runtime>, declared: Declared) -> Self {
        Self { twin, declared }
    }
}

impl Runtime for Widened {
    fn run(&mut self, batch: &Batch) -> Result<Vec<Tensor>> {
        let given = check::inputs(&self.declared.inputs, batch)?;
        // The twin widens floating-point data of 16 bits itself. Other data is rounded to the declared type
        // before.
        let given = given.into_iter().map(in_plain_type).collect::<Result<Vec<_>>>()?;
        let outputs = if given.iter().all(|tensor| matches!(tensor, Cow::Borrowed(_))) {
            self.twin.run(batch)?
        } else {
            let named = self.declared.inputs.iter().zip(given);
            let inputs = named.map(|(spec, tensor)| (spec.name.clone(), tensor.into_owned())).collect();
            self.twin.run(&Batch { inputs, ..*batch })?
        };
        let narrowed =
            outputs.into_iter().zip(&self.declared.outputs).map(|(value, spec)| match spec.dtype {
                Some(dtype) if dtype.is_half() => Ok(value.rounded_to(dtype)),
                // Other types that the twin lacks have the same values.
                Some(dtype) => from_plain_type(value, dtype),
                None => Ok(value),
            });
        narrowed.collect()
    }

    fn describe(&self) -> String {
        self.twin.describe()
    }
}
