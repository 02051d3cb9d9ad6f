//! Sizes that the values of an input or an attribute decide.

use crate::graph::{Attribute, Node};
use crate::place::einsum;
use crate::tensor::{Data, Tensor};

/// This number of multiplication steps takes about as long as one element of a result.
const WORK: u64 = 256;

/// Returns an upper bound for the number of elements of a result.
///
/// If the work is larger than the size suggests, the bound is the number of elements that would take as long.
pub(super) fn by_values(node: &Node, inputs: &[Option<Tensor>]) -> Option<u64> {
    let input = |at: usize| inputs.get(at)?.as_ref();
    let shape = |at: usize| -> Option<Vec<u64>> {
        Some(input(at)?.shape().iter().map(|&size| size as u64).collect())
    };
    let count = |at: usize| Some(product(shape(at)?.into_iter()));
    let sizes = |at: usize| -> Option<Vec<u64>> {
        Some(numbers(input(at)?)?.into_iter().map(|number| number.max(0.0) as u64).collect())
    };
    match node.op.as_str() {
        "ConstantOfShape" => Some(product(sizes(0)?.into_iter())),
        "Expand" => {
            let (own, wanted) = (shape(0)?, sizes(1)?);
            let rank = own.len().max(wanted.len());
            let at =
                |dims: &[u64], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |at| dims[at]);
            Some(product((0..rank).map(|axis| at(&own, axis).max(at(&wanted, axis)))))
        }
        "Tile" => Some(count(0)?.saturating_mul(product(sizes(1)?.into_iter()))),
        "Gather" => {
            let own = shape(0)?;
            let rank = own.len() as i64;
            let axis = node.int("axis", 0);
            let axis = usize::try_from(if axis < 0 { axis + rank } else { axis }).ok()?;
            let rest = own.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, size)| *size);
            Some(product(rest).saturating_mul(count(1)?))
        }
        "OneHot" => Some(count(0)?.saturating_mul(numbers(input(1)?)?.first()?.max(0.0) as u64)),
        "Pad" => {
            let more: u64 = sizes(1)?.into_iter().fold(0, u64::saturating_add);
            Some(product(shape(0)?.into_iter().map(|size| size.saturating_add(more))))
        }
        "Range" => {
            let number = |at: usize| numbers(input(at)?)?.first().copied();
            let steps = (number(1)? - number(0)?) / number(2)?;
            steps.is_finite().then(|| steps.max(0.0).ceil() as u64)
        }
        "NonZero" => Some(count(0)?.saturating_mul(shape(0)?.len() as u64)),
        // Elimination takes as many steps for each number as the matrix has rows.
        "Det" => Some(count(0)?.saturating_mul(shape(0)?.last()? / WORK + 1)),
        "GatherND" => {
            let (own, places) = (shape(0)?, shape(1)?);
            let (depth, lists) = places.split_last()?;
            let from = usize::try_from(node.int("batch_dims", 0))
                .ok()?
                .checked_add(usize::try_from(*depth).ok()?)?;
            let rest = own.get(from..)?.iter().copied();
            Some(product(lists.iter().copied()).saturating_mul(product(rest)))
        }
        "Einsum" => {
            let shapes: Option<Vec<&[usize]>> =
                inputs.iter().map(|input| input.as_ref().map(Tensor::shape)).collect();
            let work = einsum::work(node, &shapes?)?;
            Some(work)
        }
        "Conv" | "AveragePool" | "MaxPool" => {
            let (own, kernel) = (shape(0)?, shape(1));
            let pads = node.ints("pads").unwrap_or_default().iter().map(|&pad| pad.unsigned_abs());
            // In pooling, a window also counts if it only touches the edge.
            let edges = node.ints("kernel_shape").unwrap_or_default().iter().map(|&size| size.unsigned_abs());
            let more = pads.chain(edges).fold(0, u64::saturating_add);
            let (batch, places) = (own.first()?, own.get(2..)?);
            let places = product(places.iter().map(|size| size.saturating_add(more)));
            let channels = match (&*node.op, &kernel) {
                ("Conv", kernel) => *kernel.as_ref()?.first()?,
                _ => *own.get(1)?,
            };
            let each = match (&*node.op, &kernel) {
                ("Conv", Some(kernel)) => product(kernel.iter().skip(1).copied()),
                _ => product(node.ints("kernel_shape")?.iter().map(|size| size.unsigned_abs())),
            };
            let result = batch.saturating_mul(channels).saturating_mul(places);
            Some(result.max(result.saturating_mul(each) / WORK))
        }
        "Resize" => {
            let is_stretched = match node.attributes.get("keep_aspect_ratio_policy") {
                Some(Attribute::Text(policy)) => policy == "stretch",
                _ => true,
            };
            let (own, ratios) = (shape(0)?, input(2).and_then(numbers).filter(|ratios| !ratios.is_empty()));
            let grown = match ratios {
                Some(ratios) => ratios.into_iter().map(|ratio| ratio.max(1.0)).product::<f64>(),
                // Axes that the node does not name keep their size, which is at least 1.
                None => {
                    return is_stretched.then(|| product(sizes(3).into_iter().flatten())).map(
                        |all| match node.ints("axes") {
                            None => all,
                            Some(_) => all.saturating_mul(product(own.iter().copied())),
                        },
                    );
                }
            };
            Some(product(own.into_iter()).saturating_mul(grown.ceil() as u64))
        }
        "Gemm" | "MatMul" => {
            let (a, b) = (shape(0)?, shape(1)?);
            let inner = match node.int("transA", 0) {
                0 => *a.last()?,
                _ => *a.first()?,
            };
            let columns = match (node.op.as_str(), node.int("transB", 0), b.len()) {
                (_, _, 1) => 1,
                ("Gemm", 1.., _) => *b.first()?,
                _ => *b.last()?,
            };
            let rows = count(0)?.checked_div(inner)?;
            let stacked = count(1)?.checked_div(inner.saturating_mul(columns))?.max(1);
            let result = rows.saturating_mul(columns).saturating_mul(stacked);
            // The size of a product does not show its work.
            Some(result.max(result.saturating_mul(inner) / WORK))
        }
        _ => None,
    }
}

pub(super) fn product(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(1, u64::saturating_mul)
}

fn numbers(tensor: &Tensor) -> Option<Vec<f64>> {
    match tensor.data() {
        Data::I64(values) => Some(values.iter().map(|&value| value as f64).collect()),
        Data::I32(values) => Some(values.iter().map(|&value| f64::from(value)).collect()),
        Data::F32(values) => Some(values.iter().map(|&value| f64::from(value)).collect()),
        Data::F64(values) => Some(values.clone()),
        _ => None,
    }
}
