//! What a program hears of the device that it gets by default: once, and in its log. Alone in its process,
//! since the first call decides.

use std::sync::{Arc, Mutex};

use bitnet_core::metal::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Keeps messages.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().expect("no test panics here").push((*event.metadata().level(), message.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_program_hears_once_why_it_runs_on_the_host() {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let devices = [(); 3].map(|()| create_metal_device().expect("a device"));
        assert!(devices.iter().all(|device| *device == devices[0]));
    });
    let messages = log.0.lock().expect("no test panics here").clone();
    let expect =
        Device::metal().err().map(|error| (Level::INFO, format!("{error}; shaders run on the host device")));
    assert_eq!(messages, Vec::from_iter(expect));
}
