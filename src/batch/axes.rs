//! The meaning of each input's first axis, and the resulting number of samples in a batch.

use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Dim, Tensor, TensorSpec};

/// The meaning of an input's first axis, as far as the declarations of all inputs show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// The samples of a batch; the default.
    Samples,
    /// Samples or the steps of one sequence: the axis has no telling name, and the axis of size 1 behind it
    /// may be a channel or the batch.
    Unclear,
    /// The steps of a sequence, according to the name.
    Steps,
    /// Something else, because the samples have another axis; or there is no axis.
    Other,
}

impl First {
    /// Whether the axis may count samples.
    pub fn may_be_samples(self) -> bool {
        matches!(self, Self::Samples | Self::Unclear)
    }
}

/// Determines the meaning of each input's first axis.
pub(super) fn first_axes(inputs: &[TensorSpec]) -> Vec<First> {
    let named_first = inputs.iter().filter_map(|input| name_of(dims(input).first()?));
    let batch_names: Vec<&str> = named_first.filter(|name| !counts_steps(name)).collect();
    let counts_batch =
        |dim: &Dim| name_of(dim).is_some_and(|name| is_batch(name) || batch_names.contains(&name));
    let first = |input: &TensorSpec| {
        let Some(shape) = &input.shape else { return First::Samples };
        let Some((first, rest)) = shape.split_first() else { return First::Other };
        let batch_is_behind = rest.iter().any(|dim| dim != first && counts_batch(dim));
        match first {
            Dim::Named(name) if is_batch(name) => First::Samples,
            Dim::Named(name) if counts_steps(name) && (shape.len() <= 3 || batch_is_behind) => First::Steps,
            _ if batch_is_behind => First::Other,
            Dim::Named(_) | Dim::Unknown if matches!(rest, [Dim::Fixed(1), _]) => First::Unclear,
            _ => First::Samples,
        }
    };
    inputs.iter().map(first).collect()
}

fn dims(input: &TensorSpec) -> &[Dim] {
    input.shape.as_deref().unwrap_or_default()
}

fn name_of(dim: &Dim) -> Option<&str> {
    match dim {
        Dim::Named(name) => Some(name),
        _ => None,
    }
}

/// Whether this is a usual name for the axis of samples.
fn is_batch(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "n" | "b" | "bs" | "bsz") || name.contains("batch")
}

/// Whether this is a usual name for the axis of a sequence.
fn counts_steps(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let begins = ["time", "seq", "step", "frame", "len"].iter().any(|word| name.starts_with(word));
    (begins || matches!(name.as_str(), "t" | "s" | "l") || name.ends_with("_len") || name.ends_with("length"))
        && !name.contains("batch")
}

/// Returns the number of samples in a batch of whole tensors.
///
/// It is the size of the first axes that count samples, if they are dynamic. Otherwise it is the size of a
/// fixed one, or of another axis with the name of a batch. Without any of these, the batch is one sample.
///
/// # Errors
/// `Data` if inputs have different sizes along first axes that may be the same axis.
pub(super) fn sample_count(
    specs: &[TensorSpec],
    first: &[First],
    tensors: &[(String, Tensor)],
) -> Result<usize> {
    let leading = |tensor: &Tensor| tensor.shape().first().copied();
    let along_first = || {
        let all = specs.iter().zip(first).zip(tensors).filter(|((_, first), _)| first.may_be_samples());
        all.filter_map(|((spec, _), (_, tensor))| Some((spec, leading(tensor)?)))
    };
    let open = |spec: &TensorSpec| !matches!(dims(spec).first(), Some(Dim::Fixed(_)));
    let mut dynamic = along_first().filter(|(spec, _)| open(spec));
    if let Some((spec, count)) = dynamic.next() {
        let same_axis = |other: &TensorSpec| match (dims(spec).first(), dims(other).first()) {
            (Some(Dim::Named(one)), Some(Dim::Named(other))) => one == other,
            _ => true,
        };
        return match dynamic.find(|(other, size)| *size != count && same_axis(other)) {
            None => Ok(count),
            Some((other, size)) => Err(Error::new(
                ErrorKind::Data,
                format!("the batch has {count} samples for '{}', but {size} for '{}'", spec.name, other.name),
            )
            .with_remedy("give every input as many samples")),
        };
    }
    if let Some((_, count)) = along_first().next() {
        return Ok(count);
    }
    let named = specs.iter().zip(tensors).find_map(|(spec, (_, tensor))| {
        let axis = dims(spec).iter().position(|dim| name_of(dim).is_some_and(is_batch))?;
        tensor.shape().get(axis).copied()
    });
    Ok(named.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(dims: &[&str]) -> TensorSpec {
        let dim = |text: &&str| match text.parse() {
            Ok(size) => Dim::Fixed(size),
            Err(_) if *text == "?" => Dim::Unknown,
            Err(_) => Dim::Named((*text).to_owned()),
        };
        TensorSpec { name: "x".into(), dtype: None, shape: Some(dims.iter().map(dim).collect()) }
    }

    #[test]
    fn declarations_tell_what_the_first_axis_counts() {
        use First::{Other, Samples, Steps, Unclear};
        let cases: [(&[&[&str]], &[First]); 14] = [
            (&[&["N", "3", "8", "8"]], &[Samples]),
            (&[&["batch", "sequence"], &["2", "batch", "128"]], &[Samples, Other]),
            (&[&["examples", "9"], &["2", "examples", "128"]], &[Samples, Other]),
            (&[&["T", "1", "8"]], &[Steps]),
            (&[&["seq_len", "batch", "8"], &["1", "batch", "16"]], &[Steps, Other]),
            (&[&["layers", "batch_size", "8"]], &[Other]),
            (&[&["?", "1", "8"]], &[Unclear]),
            (&[&["signals", "1", "8"]], &[Unclear]),
            (&[&["N", "1", "8"]], &[Samples]),
            (&[&["?", "1", "8", "8"]], &[Samples]),
            (&[&["1", "8"], &["3"]], &[Samples, Samples]),
            (&[&["N", "8"], &[]], &[Samples, Other]),
            // A clip of images: a network without recurrence takes the frames one by one.
            (&[&["frames", "3", "8", "8"]], &[Samples]),
            (&[&["batch", "seq"], &["batch", "seq"], &["batch", "seq_past", "4"]], &[Samples; 3]),
        ];
        for (inputs, expected) in cases {
            let specs: Vec<TensorSpec> = inputs.iter().map(|dims| input(dims)).collect();
            assert_eq!(first_axes(&specs), expected, "{inputs:?}");
        }
    }
}
