use nexus::{
    Json, Timestamp,
    framework::{
        Aggregate, AggregateDefinition, Change, Command, Ctx, Decision, Events, Project, Projection, ReadModel,
        Recorded, Rejection, Row, When, schema_of,
    },
    upcast::Steps,
};
use serde_json::json;

#[nexus_macros::event]
enum DoorEvent {
    DoorInstalled {
        first_key: String,
        installed_at: Timestamp,
    },
    DoorOpened(Opened),
    #[serde(rename = "DoorShut")]
    DoorClosed,
}

#[nexus_macros::event]
enum AlarmEvent {
    AlarmRang,
}

#[nexus_macros::value]
struct Opened {
    opened_by: String,
}

#[nexus_macros::value]
#[derive(Copy, Eq)]
enum Mood {
    WideOpen,
    Ajar { by_degrees: u8 },
}

#[nexus_macros::value]
#[serde(rename_all = "kebab-case")]
enum Status {
    WideOpen,
}

#[nexus_macros::command]
struct InstallDoor {
    /// The key it is delivered with.
    #[schemars(length(min = 1))]
    first_key: String,
}

#[nexus_macros::command]
struct OpenDoor {
    key: String,
}

#[nexus_macros::command]
struct CloseDoor {}

#[nexus_macros::state]
struct Door {
    key: String,
    is_open: bool,
}

#[nexus_macros::aggregate(events = DoorEvent)]
impl Door {
    fn apply(&mut self, event: &DoorEvent) {
        match event {
            DoorEvent::DoorInstalled { first_key, .. } => self.key.clone_from(first_key),
            DoorEvent::DoorOpened(_) => self.is_open = true,
            DoorEvent::DoorClosed => self.is_open = false,
        }
    }

    #[handle(create)]
    fn install(&self, InstallDoor { first_key }: InstallDoor, ctx: &Ctx<'_>) -> Decision<DoorEvent> {
        DoorEvent::DoorInstalled { first_key, installed_at: ctx.now }.into()
    }

    #[handle]
    fn open(&self, command: OpenDoor) -> Result<DoorEvent, Rejection> {
        self.fits(&command.key)?;
        Ok(DoorEvent::DoorOpened(Opened { opened_by: command.key }))
    }

    #[handle(upsert)]
    fn close(&self, _: CloseDoor) -> Option<DoorEvent> {
        self.is_open.then_some(DoorEvent::DoorClosed)
    }

    fn fits(&self, key: &str) -> Result<(), Rejection> {
        nexus::require!(self.key == key, "wrong-key", "`{key}` does not fit");
        Ok(())
    }
}

#[nexus_macros::projection(resource = "doors", key = "doorId", events = [DoorEvent, AlarmEvent])]
struct DoorRow {
    door_id: String,
    times_opened: u32,
}

impl Project<DoorEvent> for DoorRow {
    fn on(event: Recorded<DoorEvent>, row: Row<Self>) -> Change<Self> {
        match &event.data {
            DoorEvent::DoorOpened(_) => row.update(|row| row.times_opened += 1),
            _ => row.keep(),
        }
    }
}

impl Project<AlarmEvent> for DoorRow {
    fn on(_: Recorded<AlarmEvent>, row: Row<Self>) -> Change<Self> {
        row.delete()
    }
}

#[nexus_macros::event]
enum LiftEvent {
    #[upcast(from = 1, with = |payload: serde_json::Value| Steps::new().set("floor", 0).apply(payload))]
    #[upcast(from = 2, with = Steps::new().rename("who", "calledBy"))]
    #[schema_version(4)]
    LiftCalled {
        floor: u8,
        called_by: String,
    },
    #[serde(rename = "LiftLeft")]
    #[upcast(from = 3, with = no_change())]
    LiftGone,
    LiftStopped,
}

fn no_change() -> Steps {
    Steps::new()
}

#[test]
fn a_variant_says_which_version_its_schema_is_and_how_earlier_ones_become_it() {
    let versions: Vec<_> = LiftEvent::TYPES.iter().map(|name| LiftEvent::schema_version(name)).collect();
    assert_eq!(versions, [Some(4), None, None]);
    let upcasters = LiftEvent::upcasters();
    let places: Vec<_> = upcasters.iter().map(|one| (one.event_type.as_str(), one.from, one.to)).collect();
    assert_eq!(places, [("LiftCalled", 1, 2), ("LiftCalled", 2, 3), ("LiftLeft", 3, 4)]);
    let made: Vec<_> = upcasters.iter().map(|one| one.upcaster.run(json!({ "who": "Ann" })).unwrap()).collect();
    assert_eq!(made, [json!({ "who": "Ann", "floor": 0 }), json!({ "calledBy": "Ann" }), json!({ "who": "Ann" })]);
    assert!(DoorEvent::upcasters().is_empty());
}

fn installed() -> DoorEvent {
    DoorEvent::DoorInstalled { first_key: "k1".into(), installed_at: Timestamp::UNIX_EPOCH }
}

#[test]
fn events_are_typed_by_variant_and_written_in_camel_case() {
    assert_eq!(DoorEvent::TYPES, ["DoorInstalled", "DoorOpened", "DoorShut"]);
    let cases = [
        (installed(), r#"{"firstKey":"k1","installedAt":"1970-01-01T00:00:00Z"}"#),
        (DoorEvent::DoorOpened(Opened { opened_by: "Ann".into() }), r#"{"openedBy":"Ann"}"#),
        (DoorEvent::DoorClosed, "{}"),
    ];
    for ((event, payload), event_type) in cases.into_iter().zip(DoorEvent::TYPES) {
        assert_eq!(event.event_type(), *event_type);
        assert_eq!(event.payload().unwrap().as_str(), payload);
        assert_eq!(DoorEvent::from_stored(event_type, &Json::from_stored(payload.into())).unwrap(), event);
    }
}

#[test]
fn the_schema_of_every_event_type_describes_its_payload() {
    let schema = DoorEvent::schema("DoorInstalled").unwrap();
    assert_eq!(schema["required"], json!(["firstKey", "installedAt"]));
    assert_eq!(schema["properties"]["installedAt"]["format"], "date-time");
    for event_type in DoorEvent::TYPES.iter().chain(AlarmEvent::TYPES) {
        let known = DoorEvent::schema(event_type).or_else(|_| AlarmEvent::schema(event_type));
        assert_eq!(known.unwrap()["title"], *event_type);
    }
}

#[test]
fn values_are_in_camel_case_unless_they_say_otherwise() {
    assert_eq!(serde_json::to_value(Mood::WideOpen).unwrap(), json!("wideOpen"));
    assert_eq!(serde_json::to_value(Mood::Ajar { by_degrees: 5 }).unwrap(), json!({"ajar": {"byDegrees": 5}}));
    assert_eq!(serde_json::to_value(Status::WideOpen).unwrap(), json!("wide-open"));
}

#[test]
fn a_command_is_named_like_its_struct_and_keeps_docs_and_limits_in_its_schema() {
    assert_eq!(InstallDoor::TYPE, "InstallDoor");
    let key = &schema_of::<InstallDoor>()["properties"]["firstKey"];
    assert_eq!(key, &json!({"type": "string", "minLength": 1, "description": "The key it is delivered with."}));
}

#[test]
fn an_aggregate_lists_its_commands_and_when_they_apply() {
    let definition = AggregateDefinition::of::<Door>().unwrap();
    assert_eq!(definition.name(), "Door");
    let commands: Vec<_> = definition.commands().iter().map(|spec| (spec.command_type, spec.when)).collect();
    assert_eq!(commands, [("InstallDoor", When::Create), ("OpenDoor", When::Exists), ("CloseDoor", When::Upsert)]);
}

#[test]
fn handlers_decide_whatever_their_return_type() {
    let install = || InstallDoor { first_key: "k1".into() };
    let open = |key: &str| OpenDoor { key: key.into() };
    let opened = || DoorEvent::DoorOpened(Opened { opened_by: "k1".into() });
    Door::given([]).when(install()).then([installed()]);
    Door::given([installed()]).when(install()).then_already_exists();
    Door::given([]).when(open("k1")).then_does_not_exist();
    Door::given([installed()]).when(open("k1")).then([opened()]);
    Door::given([installed()]).when(open("k2")).then_rejected("wrong-key");
    Door::given([]).when(CloseDoor {}).then([]);
    Door::given([installed(), opened()]).when(CloseDoor {}).then([DoorEvent::DoorClosed]);
}

#[test]
fn the_state_is_written_in_camel_case() {
    assert_eq!(serde_json::to_value(Door::default()).unwrap(), json!({"key": "", "isOpen": false}));
}

#[test]
fn a_read_model_follows_every_enum_it_lists() {
    assert_eq!((DoorRow::RESOURCE, DoorRow::KEY), ("doors", "doorId"));
    let projection = Projection::of::<DoorRow>();
    assert_eq!(projection.event_types(), ["DoorInstalled", "DoorOpened", "DoorShut", "AlarmRang"]);
    let columns: Vec<_> = projection.spec().columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["doorId", "timesOpened"]);
}
