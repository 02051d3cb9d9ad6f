//! Operators that change only the form of a constant. The results are exact to the bit for every type.

use half::{bf16, f16};

use crate::dtype::DataType;
use crate::e4m3;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Node;
use crate::tensor::{Data, Tensor, element_count};

/// Returns the value of the node's output. `parameter` is the node's second input, if it has one.
///
/// # Errors
/// `Unsupported` if the operator or the type of a cast is not supported; `Format` if the parameters do not
/// fit; `Type` if the parameter is not i64.
pub(super) fn apply(node: &Node, value: Tensor, parameter: Option<&Tensor>) -> Result<Tensor> {
    let parameter = || -> Result<Option<Vec<i64>>> {
        match parameter.map(Tensor::data) {
            None => Ok(None),
            Some(Data::I64(values)) => Ok(Some(values.clone())),
            Some(other) => Err(Error::new(
                ErrorKind::Type,
                format!("its parameter is {}, not i64", other.view().dtype()),
            )),
        }
    };
    let shape = value.shape().to_vec();
    match node.op.as_str() {
        "Identity" => Ok(value),
        "Transpose" => transpose(&value, node.ints("perm")),
        "Cast" => cast(value, node.int("to", 1)),
        "Reshape" => {
            let wanted = parameter()?.ok_or_else(|| Error::new(ErrorKind::Format, "it has no shape"))?;
            let target = reshaped(&shape, &wanted, node.int("allowzero", 0) != 0)?;
            value.reshaped(target)
        }
        "Flatten" => {
            let axis = axis_of(node.int("axis", 1), shape.len() + 1)?;
            let (rows, columns) = shape.split_at(axis);
            value.reshaped(vec![element_count(rows)?, element_count(columns)?])
        }
        "Squeeze" => {
            let axes = axes_of(node.ints("axes").map(<[i64]>::to_vec).or(parameter()?), shape.len())?;
            let drop = |at: usize| axes.as_ref().map_or(shape[at] == 1, |axes| axes.contains(&at));
            value.reshaped((0..shape.len()).filter(|&at| !drop(at)).map(|at| shape[at]).collect())
        }
        "Unsqueeze" => {
            let axes = node.ints("axes").map(<[i64]>::to_vec).or(parameter()?).unwrap_or_default();
            let rank = shape.len() + axes.len();
            let axes = axes_of(Some(axes), rank)?.unwrap_or_default();
            let mut rest = shape.iter();
            let target =
                (0..rank).map(|at| if axes.contains(&at) { 1 } else { rest.next().copied().unwrap_or(1) });
            let target = target.collect();
            value.reshaped(target)
        }
        _ => Err(Error::new(ErrorKind::Unsupported, "the operator computes")),
    }
}

fn axis_of(axis: i64, rank: usize) -> Result<usize> {
    let positive = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(positive)
        .ok()
        .filter(|&at| at < rank)
        .ok_or_else(|| Error::new(ErrorKind::Format, format!("axis {axis} is outside rank {rank}")))
}

fn axes_of(axes: Option<Vec<i64>>, rank: usize) -> Result<Option<Vec<usize>>> {
    axes.map(|axes| axes.into_iter().map(|axis| axis_of(axis, rank)).collect()).transpose()
}

/// Returns the target shape of ONNX's Reshape. 0 keeps a dimension (unless `allow_zero`), -1 is the dimension
/// that results from the others.
fn reshaped(shape: &[usize], wanted: &[i64], allow_zero: bool) -> Result<Vec<usize>> {
    let bad = || Error::new(ErrorKind::Format, format!("shape {shape:?} cannot become {wanted:?}"));
    let mut target = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (at, &dim) in wanted.iter().enumerate() {
        target.push(match dim {
            -1 if open.replace(at).is_none() => 1,
            0 if !allow_zero => *shape.get(at).ok_or_else(bad)?,
            dim => usize::try_from(dim).map_err(|_| bad())?,
        });
    }
    if let Some(at) = open {
        let known = element_count(&target)?;
        let count = element_count(shape)?;
        target[at] = count.checked_div(known).filter(|n| n * known == count).ok_or_else(bad)?;
    }
    Ok(target)
}

fn transpose(value: &Tensor, perm: Option<&[i64]>) -> Result<Tensor> {
    let shape = value.shape();
    let rank = shape.len();
    let perm = match perm {
        Some(perm) => perm.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<Vec<_>>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut seen = perm.clone();
    seen.sort_unstable();
    if seen != (0..rank).collect::<Vec<_>>() {
        return Err(Error::new(ErrorKind::Format, format!("perm {perm:?} is no permutation of {rank} axes")));
    }
    let mut strides = vec![1; rank];
    for at in (1..rank).rev() {
        strides[at - 1] = strides[at] * shape[at];
    }
    let target: Vec<usize> = perm.iter().map(|&axis| shape[axis]).collect();
    let steps: Vec<usize> = perm.iter().map(|&axis| strides[axis]).collect();
    let size = value.dtype().size();
    let source = value.view().data().as_bytes();
    let mut bytes = Vec::with_capacity(source.len());
    let mut index = vec![0; rank];
    for _ in 0..element_count(&target)? {
        let at: usize = index.iter().zip(&steps).map(|(i, step)| i * step).sum();
        bytes.extend_from_slice(&source[at * size..][..size]);
        for axis in (0..rank).rev() {
            index[axis] += 1;
            if index[axis] < target[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Tensor::from_bytes(value.dtype(), target, &bytes)
}

/// Casts to a floating-point type. `to` is ONNX's number of the type.
fn cast(value: Tensor, to: i64) -> Result<Tensor> {
    let shape = value.shape().to_vec();
    match (to, value.dtype()) {
        (1, DataType::F32) | (10, DataType::F16) | (11, DataType::F64) | (16, DataType::Bf16) => Ok(value),
        (1, _) => Tensor::new(shape, floats(&value)),
        (10, _) => Tensor::new(shape, floats(&value).into_iter().map(f16::from_f32).collect::<Vec<_>>()),
        (11, _) => Tensor::new(shape, floats(&value).into_iter().map(f64::from).collect::<Vec<_>>()),
        (16, _) => Tensor::new(shape, floats(&value).into_iter().map(bf16::from_f32).collect::<Vec<_>>()),
        _ => Err(Error::new(ErrorKind::Unsupported, format!("a cast to ONNX type {to}"))),
    }
}

/// Returns the elements as f32, rounded to the nearest if they are not exact.
fn floats(value: &Tensor) -> Vec<f32> {
    fn each<T: Copy>(values: &[T], float: impl Fn(T) -> f32) -> Vec<f32> {
        values.iter().map(|&value| float(value)).collect()
    }
    match value.data() {
        Data::F32(values) => values.clone(),
        Data::F64(values) => each(values, |x| x as f32),
        Data::F16(values) => each(values, f16::to_f32),
        Data::Bf16(values) => each(values, bf16::to_f32),
        Data::I8(values) | Data::I4(values) => each(values, f32::from),
        Data::I16(values) => each(values, f32::from),
        Data::I32(values) => each(values, |x| x as f32),
        Data::I64(values) => each(values, |x| x as f32),
        Data::U8(values) | Data::Bool(values) | Data::U4(values) => each(values, f32::from),
        Data::F8E4M3(codes) => each(codes, e4m3::decode),
        Data::U16(values) => each(values, f32::from),
        Data::U32(values) => each(values, |x| x as f32),
        Data::U64(values) => each(values, |x| x as f32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>();
        Tensor::new(shape.to_vec(), (0..count).map(|i| i as f32).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn transposing_moves_every_element() {
        let turned = transpose(&numbers(&[2, 3]), None).unwrap();
        assert_eq!(turned, Tensor::new(vec![3, 2], vec![0f32, 3., 1., 4., 2., 5.]).unwrap());
        let cube = numbers(&[2, 3, 4]);
        let there = transpose(&cube, Some(&[2, 0, 1])).unwrap();
        assert_eq!(there.shape(), [4, 2, 3]);
        assert_eq!(transpose(&there, Some(&[1, 2, 0])).unwrap(), cube);
        assert_eq!(transpose(&numbers(&[]), None).unwrap(), numbers(&[]));
    }

    #[test]
    fn a_wrong_permutation_is_an_error() {
        for perm in [&[0, 0][..], &[0], &[0, 2], &[0, -3]] {
            assert!(transpose(&numbers(&[2, 3]), Some(perm)).is_err(), "{perm:?}");
        }
    }

    #[test]
    fn reshape_follows_onnx() {
        for (wanted, allow_zero, expected) in [
            (vec![6], false, Some(vec![6])),
            (vec![0, -1], false, Some(vec![2, 3])),
            (vec![-1, 2], false, Some(vec![3, 2])),
            (vec![-1, -1], false, None),
            (vec![-1, 4], false, None),
            (vec![-1, 0], true, None),
            (vec![1, 1, 0], false, None),
        ] {
            assert_eq!(reshaped(&[2, 3], &wanted, allow_zero).ok(), expected, "{wanted:?}");
        }
    }

    #[test]
    fn casts_to_floats_and_nothing_else() {
        for (to, dtype) in [(10, DataType::F16), (11, DataType::F64), (16, DataType::Bf16)] {
            let other = cast(numbers(&[3]), to).unwrap();
            assert_eq!(other.dtype(), dtype);
            assert_eq!(cast(other, 1).unwrap(), numbers(&[3]));
        }
        for integers in [Data::I64(vec![0, 1, 2]), Data::I8(vec![0, 1, 2]), Data::U16(vec![0, 1, 2])] {
            assert_eq!(cast(Tensor::new(vec![3], integers).unwrap(), 1).unwrap(), numbers(&[3]));
        }
        assert!(cast(numbers(&[3]), 7).is_err());
    }
}
