//! The learning rate of fine-tuning.

use qdq::error::ErrorKind;
use qdq::quantizer::QatSchedule;

#[test]
fn the_rate_falls_along_half_a_cosine() {
    let schedule = QatSchedule::new(6, 8.0, 2.0).unwrap();
    let root = 3f64.sqrt() / 2.0;
    let expected = [8.0, 5.0 + 3.0 * root, 6.5, 5.0, 3.5, 5.0 - 3.0 * root, 2.0, 2.0];
    for (step, expected) in expected.into_iter().enumerate() {
        let found = schedule.learning_rate(step as u64);
        assert!((found - expected).abs() < 1e-12, "{step}: {found} {expected}");
    }
    assert_eq!(schedule.learning_rate(u64::MAX), 2.0);
}

#[test]
fn the_recommended_one_is_a_tenth_of_the_steps_and_a_hundredth_of_the_rate() {
    for (steps, expected) in [(1, 1), (10, 1), (11, 2), (90, 9), (u64::MAX, u64::MAX / 10 + 1)] {
        let schedule = QatSchedule::from_original(steps, 0.5).unwrap();
        assert_eq!((schedule.steps(), schedule.learning_rate(0)), (expected, 0.005));
        assert_eq!(schedule.learning_rate(expected), 0.00005);
    }
}

#[test]
fn a_schedule_that_is_none_is_refused() {
    assert!(QatSchedule::new(1, 1.0, 0.0).is_ok() && QatSchedule::new(1, 1.0, 1.0).is_ok());
    for (steps, start, end, says) in [
        (0, 1.0, 0.5, "0 steps"),
        (1, 0.0, 0.0, "from 0 to 0"),
        (1, -1.0, -2.0, "from -1 to -2"),
        (1, 1.0, 2.0, "from 1 to 2"),
        (1, 1.0, -0.5, "from 1 to -0.5"),
        (1, f64::NAN, 0.0, "from NaN"),
        (1, f64::INFINITY, 0.0, "from inf"),
        (1, 1.0, f64::NAN, "to NaN"),
    ] {
        let error = QatSchedule::new(steps, start, end).unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidArgument && error.message().contains(says), "{error}");
        assert!(error.remedy().is_some(), "{error}");
    }
    assert!(QatSchedule::from_original(0, 1.0).is_err() && QatSchedule::from_original(10, -1.0).is_err());
}
