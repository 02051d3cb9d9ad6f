//! Inputs that were fixed when a model was quantized.
//!
//! A model or batch that is compared with it must have the same values.

use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::Finding;
use crate::onnx::{FixedValue, Model};

/// The values for which a quantized model was made, of inputs that are still fed.
pub(super) struct Fixed(Vec<(String, FixedValue)>);

impl Fixed {
    /// Compares the values at which inputs of the two models are fixed.
    pub fn of(float: &Model, quantized: &Model) -> Result<Self> {
        let mut fed = Vec::new();
        for (name, made) in quantized.made_for() {
            match float.fixed_inputs().find(|(known, _)| *known == name) {
                Some((_, value)) if !made.is(value) => {
                    return Err(differs(format!("is fixed at {}", FixedValue::of(value)), name, &made));
                }
                Some(_) => {}
                None if float.made_for().any(|(known, other)| known == name && other != made) => {
                    return Err(differs("was fixed at another value".to_owned(), name, &made));
                }
                None if float.declared(name).is_err() => {}
                None if quantized.declared(name).is_ok() => fed.push((name.to_owned(), made)),
                None => return Err(differs("is not fixed".to_owned(), name, &made)),
            }
        }
        Ok(Self(fed))
    }

    /// Refuses a batch that feeds another value.
    pub fn check(&self, batch: &Batch) -> Result<()> {
        for (name, made) in &self.0 {
            if let Some((_, value)) =
                batch.inputs.iter().find(|(known, value)| known == name && !made.is(value))
            {
                return Err(differs(format!("is fed {}", FixedValue::of(value)), name, made));
            }
        }
        Ok(())
    }
}

/// Refuses a quantized model that lacks an input which the float model has.
pub(super) fn check_inputs(float: &Model, quantized: &Model) -> Result<()> {
    match float.inputs().into_iter().find(|input| quantized.declared(&input.name).is_err()) {
        None => Ok(()),
        Some(input) => {
            let message =
                format!("the quantized model has no input '{}', which the float model is fed", input.name);
            Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy(
                "fix the input at the value that the quantized model was made for, or compare a model with its own quantized form",
            ))
        }
    }
}

fn differs(what: String, name: &str, made: &FixedValue) -> Error {
    let message =
        format!("input '{name}' of the float model {what}, but the quantized model was made for {made}");
    Error::new(ErrorKind::InvalidArgument, message).with_remedy(
        "fix the input at the value that the quantized model was made for, or compare another one",
    )
}

/// Fixes inputs of both models at the values for which the quantized model was made ([`Model::made_for`]).
///
/// Only inputs that are still fed are fixed. The finding names them.
///
/// # Errors
/// Those of [`Model::fix_input`]; `InvalidArgument` if the quantized model then lacks an input that the float
/// model is fed.
pub fn fix_as_made(float: &mut Model, quantized: &mut Model) -> Result<Option<Finding>> {
    let made: Vec<(String, FixedValue)> =
        quantized.made_for().map(|(name, made)| (name.to_owned(), made)).collect();
    let mut values = Vec::new();
    for (name, made) in made {
        let Some(value) = made.tensor() else { continue };
        let mut is_new = false;
        for model in [&mut *float, &mut *quantized] {
            if model.inputs().iter().any(|input| input.name == name) {
                model.fix_input(&name, value.clone())?;
                is_new = true;
            }
        }
        if is_new {
            values.push(format!("'{name}' = {made}"));
        }
    }
    check_inputs(float, quantized)?;
    let message =
        format!("both models run with the values that the quantized one was made for: {}", values.join(", "));
    Ok((!values.is_empty()).then(|| Finding::note(message)))
}
