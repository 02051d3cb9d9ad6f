//! Passes that look at the channels of activations.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::observe::TensorStats;
use crate::onnx::Model;
use crate::recover::ByChannel;
use crate::runtime::Tap;
use crate::tensor::TensorView;

use super::Passes;

/// Gathers the largest magnitude of each channel. `names` are the activations of `subjects`.
pub(super) fn maxima<T: ByChannel + Clone + Send + Sync + 'static>(
    model: &Model,
    subjects: &[T],
    names: &[String],
    passes: &mut Passes<'_>,
) -> Result<Vec<Vec<f32>>> {
    let maxima = Mutex::new(vec![Vec::new(); subjects.len()]);
    let tap = Arc::new(Maxima { subjects: subjects.to_vec(), maxima });
    passes.run(model, names, tap.clone())?;
    Ok(std::mem::take(&mut *tap.maxima.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// An activation to divide: its name, its channels, and the scales to try.
pub(super) type ToDivide<T> = (String, T, Vec<Vec<f32>>);

/// Gathers the statistics of each activation with each of its scales.
///
/// These are the statistics of the scaled network, since powers of two divide exactly.
pub(super) fn divided<T: ByChannel + Send + Sync + 'static>(
    model: &Model,
    subjects: Vec<ToDivide<T>>,
    passes: &mut Passes<'_>,
) -> Result<Vec<Vec<TensorStats>>> {
    let names: Vec<String> = subjects.iter().map(|(name, ..)| name.clone()).collect();
    let stats = subjects.iter().map(|(.., scales)| vec![TensorStats::new(); scales.len()]).collect();
    let tap = Arc::new(Divided { subjects, stats: Mutex::new(stats) });
    passes.run(model, &names, tap.clone())?;
    Ok(std::mem::take(&mut *tap.stats.lock().unwrap_or_else(PoisonError::into_inner)))
}

struct Maxima<T> {
    subjects: Vec<T>,
    maxima: Mutex<Vec<Vec<f32>>>,
}

impl<T: ByChannel + Send + Sync> Tap for Maxima<T> {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let mut maxima = self.maxima.lock().unwrap_or_else(PoisonError::into_inner);
        self.subjects[index].add_maxima(&mut maxima[index], value);
        Ok(())
    }
}

struct Divided<T> {
    subjects: Vec<ToDivide<T>>,
    stats: Mutex<Vec<Vec<TensorStats>>>,
}

impl<T: ByChannel + Send + Sync> Tap for Divided<T> {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, subject, scales) = &self.subjects[index];
        for (stats, scales) in stats[index].iter_mut().zip(scales) {
            stats.observe(&subject.divided(scales, value));
        }
        Ok(())
    }
}
