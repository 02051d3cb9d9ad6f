//! LRN (local response normalization) for the embedded runtime, because rten does not have it.

use rten::{Value, ValueView};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::Node;
use crate::runtime::USE_ONNXRUNTIME;

/// Computes `y = x / (bias + alpha / size * s) ^ beta`.
///
/// s is the sum of x² over the existing channels from `c - floor((size - 1) / 2)` to
/// `c + ceil((size - 1) / 2)`. Axis 1 holds the channels. `node` gives `size`, `alpha` (default 0.0001),
/// `beta` (0.75) and `bias` (1).
///
/// # Errors
/// `Unsupported` for types other than f32; `Shape` if there is no axis of channels; `Format` if the node has
/// no size above 0.
pub(super) fn lrn(node: &Node, x: &ValueView<'_>) -> Result<Value> {
    let wrong = |kind, what: &str| Error::new(kind, format!("node '{}' (LRN): {what}", node.name));
    let ValueView::FloatTensor(x) = x else {
        let error = wrong(ErrorKind::Unsupported, "the embedded runtime takes only f32");
        return Err(error.with_remedy(USE_ONNXRUNTIME));
    };
    let size = usize::try_from(node.int("size", 0)).ok().filter(|&size| size > 0).ok_or_else(|| {
        wrong(ErrorKind::Format, "it has no size above 0").with_remedy("check the model with onnx.checker")
    })?;
    let shape = x.shape();
    let [_, channels, inner @ ..] = shape else {
        return Err(wrong(ErrorKind::Shape, &format!("shape {shape:?} has no axis of channels"))
            .with_remedy("give data of the shape that the model is made for"));
    };
    let (channels, inner) = (*channels, inner.iter().product::<usize>());
    let (alpha, beta, bias) = (node.float("alpha", 1e-4), node.float("beta", 0.75), node.float("bias", 1.0));
    let factor = alpha / size as f32;
    let (below, above) = ((size - 1) / 2, size / 2);

    let x = x.to_contiguous();
    let mut y = Vec::with_capacity(x.data().len());
    let mut sums = vec![0f32; inner];
    // chunks() needs a size above 0, even for an empty tensor.
    for sample in x.data().chunks((channels * inner).max(1)) {
        for channel in 0..channels {
            sums.fill(0.0);
            let first = channel.saturating_sub(below);
            let last = channel.saturating_add(above).min(channels - 1);
            for near in sample[first * inner..(last + 1) * inner].chunks(inner.max(1)) {
                sums.iter_mut().zip(near).for_each(|(sum, x)| *sum += x * x);
            }
            let own = &sample[channel * inner..(channel + 1) * inner];
            y.extend(own.iter().zip(&sums).map(|(x, sum)| x / (bias + factor * sum).powf(beta)));
        }
    }
    Tensor::try_from_data(shape, y)
        .map(Value::from)
        .map_err(|source| wrong(ErrorKind::Internal, "its result does not fit its shape").with_source(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Attribute;

    fn run(size: i64, x: &[f32], shape: &[usize]) -> Result<Value> {
        let node = Node {
            name: "n".to_owned(),
            op: "LRN".to_owned(),
            domain: String::new(),
            inputs: vec![],
            outputs: vec![],
            attributes: [
                ("size".to_owned(), Attribute::Int(size)),
                ("alpha".to_owned(), Attribute::Float(3.0)),
                ("beta".to_owned(), Attribute::Float(1.0)),
            ]
            .into(),
            captures: vec![],
            nested: vec![],
        };
        lrn(&node, &ValueView::from_shape(shape, x).unwrap())
    }

    #[test]
    fn the_window_ends_with_the_channels() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let expected = [1.0 / 6.0, 2.0 / 15.0, 3.0 / 30.0, 4.0 / 26.0];
        assert_eq!(run(3, &x, &[1, 4]).unwrap(), Value::from_shape([1, 4], expected.to_vec()).unwrap());
        // The window covers the channel and the one above it, and alpha is divided by 2.
        let expected = [1.0 / 8.5, 2.0 / 20.5, 3.0 / 38.5, 4.0 / 25.0];
        assert_eq!(run(2, &x, &[1, 4, 1]).unwrap(), Value::from_shape([1, 4, 1], expected.to_vec()).unwrap());
        let all = run(i64::MAX, &x, &[2, 2]);
        assert!(all.is_ok(), "{:?}", all.err());
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert_eq!(run(3, &[1.0], &[1]).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(run(0, &[1.0], &[1, 1]).unwrap_err().kind(), ErrorKind::Format);
        assert_eq!(run(3, &[], &[0, 4, 2]).unwrap().as_view().len(), 0);
        assert_eq!(run(3, &[], &[2, 0, 2]).unwrap().as_view().len(), 0);
    }
}
