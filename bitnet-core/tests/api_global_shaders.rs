//! The shaders of the whole program: a process of its own, since there is one set of them.

use std::thread;

use bitnet_core::metal::*;

#[test]
fn the_first_device_decides_and_every_thread_gets_its_shaders() -> Result<(), MetalError> {
    let text = get_global_shaders().expect_err("nobody has made them").to_string();
    assert_eq!(text, "there are no global shaders yet; call initialize_global_shaders(device) first");

    let device = Device::host(HostOptions::default());
    thread::scope(|scope| {
        let calls: Vec<_> =
            (0..4).map(|_| scope.spawn(|| initialize_global_shaders(device.clone()))).collect();
        calls.into_iter().try_for_each(|call| call.join().expect("it does not panic"))
    })?;
    assert_eq!(get_global_shaders()?.device(), &device);

    let pipeline = get_global_shaders()?.get_pipeline(BitNetShaderFunction::ReluForward)?;
    let elsewhere = thread::spawn(get_global_shaders).join().expect("it does not panic")?;
    assert_eq!(elsewhere.device(), pipeline.device());

    let other = initialize_global_shaders(Device::host(HostOptions::default())).expect_err("another device");
    assert!(matches!(other, MetalError::OtherGlobalDevice { .. }), "{other:?}");
    let text = format!(
        "the global shaders belong to another device, '{}'; use BitNetShaders::new for a second one",
        device.name()
    );
    assert_eq!(other.to_string(), text);
    assert_eq!(get_global_shaders()?.device(), &device);
    Ok(())
}

/// `?` suits functions with whatever error type.
#[test]
fn errors_become_what_the_caller_returns() {
    fn boxed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err(MetalError::NoGlobalShaders)?
    }
    #[derive(Debug, thiserror::Error)]
    #[error("setting up: {0}")]
    struct Own(#[from] MetalError);
    fn own() -> Result<(), Own> {
        Err(MetalError::NoGlobalShaders)?
    }
    let text = MetalError::NoGlobalShaders.to_string();
    assert_eq!(boxed().expect_err("an error").to_string(), text);
    assert_eq!(own().expect_err("an error").to_string(), format!("setting up: {text}"));
}
