use nexus_core::upcast::{JsonType, Steps};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::{
    model::{Move, Places},
    support::{read, takes_all, up_to, upcaster},
};

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned)
}

fn path() -> impl Strategy<Value = Vec<String>> {
    vec(name(), 1..=2)
}

fn single() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![json!(null), json!(true), json!(7), json!("one"), json!("one two three"), json!("")])
}

fn payload() -> impl Strategy<Value = Value> {
    let object = |inner: BoxedStrategy<Value>| {
        prop::collection::btree_map(name(), inner, 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    };
    let inner = prop_oneof![3 => single(), 2 => object(single().boxed())];
    object(inner.boxed())
}

fn step() -> impl Strategy<Value = Move> {
    prop_oneof![
        (path(), path()).prop_map(|(from, to)| Move::Rename(from, to)),
        (path(), path()).prop_map(|(from, to)| Move::Copy(from, to)),
        path().prop_map(Move::Remove),
        (path(), single()).prop_map(|(path, value)| Move::Default(path, value)),
        (path(), single()).prop_map(|(path, value)| Move::Set(path, value)),
        (path(), path(), path()).prop_map(|(from, first, rest)| Move::Split(from, first, rest)),
        (path(), path(), path()).prop_map(|(one, other, to)| Move::Join(one, other, to)),
        path().prop_map(Move::Text),
        (path(), path()).prop_map(|(path, under)| Move::Nest(path, under)),
        path().prop_map(Move::Unnest),
    ]
}

fn declared(step: &Move) -> Steps {
    let at = |path: &[String]| format!("/{}", path.join("/"));
    let steps = Steps::new();
    match step {
        Move::Rename(from, to) => steps.rename(at(from), at(to)),
        Move::Copy(from, to) => steps.copy(at(from), at(to)),
        Move::Remove(path) => steps.remove(at(path)),
        Move::Default(path, value) => steps.default(at(path), value.clone()),
        Move::Set(path, value) => steps.set(at(path), value.clone()),
        Move::Split(from, first, rest) => steps.split(at(from), " ", [at(first), at(rest)]),
        Move::Join(one, other, to) => steps.join([at(one), at(other)], " ", at(to)),
        Move::Text(path) => steps.convert(at(path), JsonType::Text),
        Move::Nest(path, under) => steps.nest([at(path)], at(under)),
        Move::Unnest(path) => steps.unnest(at(path)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chains_of_declared_steps_do_what_a_model_of_places_does(
        payload in payload(),
        steps in vec(step(), 1..13),
        skipped in 0..12_usize,
    ) {
        // One step a version, so that chains cross from 9 to 10.
        let newest = u32::try_from(steps.len()).unwrap() + 1;
        let from = u32::try_from(skipped % steps.len()).unwrap() + 1;
        let upcasters = (1..).zip(&steps).map(|(version, step)| upcaster(version, declared(step)));
        let read = read(&up_to(newest, upcasters, takes_all()), from, &payload);

        let mut model = Places::of(&payload);
        let expected = steps[skipped % steps.len()..].iter().try_for_each(|step| model.make(step));
        match (read, expected) {
            (Ok(read), Ok(())) => prop_assert_eq!(Places::of(&read), model),
            (Err(_), Err(_)) => {}
            (read, expected) => prop_assert!(false, "{:?} but the model says {:?}", read, expected),
        }
    }
}
