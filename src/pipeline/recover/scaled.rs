//! The statistics of tensors whose channels were scaled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::observe::TensorStats;
use crate::onnx::Model;
use crate::runtime::Tap;
use crate::tensor::TensorView;

use super::Passes;

/// A tap that gathers the statistics of each tensor.
struct Gathered(Mutex<Vec<TensorStats>>);

impl Tap for Gathered {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        if let Some(values) = value.data().to_f32() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)[index].observe(&values);
        }
        Ok(())
    }
}

/// Runs the scaled model once and returns the statistics of these tensors.
pub(super) fn statistics(
    model: &Model,
    names: &[String],
    passes: &mut Passes<'_>,
) -> Result<BTreeMap<String, TensorStats>> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let gathered = Arc::new(Gathered(Mutex::new(vec![TensorStats::new(); names.len()])));
    passes.run(model, names, gathered.clone())?;
    let stats = std::mem::take(&mut *gathered.0.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(names.iter().cloned().zip(stats).collect())
}
