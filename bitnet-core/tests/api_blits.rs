//! Copies between buffers: what they do, on every device there is, and what is refused.

use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::*;

const PRIVATE: MTLResourceOptions = MTLResourceOptions::StorageModePrivate;

/// Records blits into a command buffer, runs it, and gives its error.
fn blit(device: &Device, record: impl Fn(&BlitCommandEncoder)) -> Option<String> {
    let command_buffer = device.new_command_queue().new_command_buffer();
    let encoder = command_buffer.new_blit_command_encoder();
    record(&encoder);
    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed().err().map(|error| error.to_string())
}

fn bytes_of(buffer: &Buffer) -> Vec<u8> {
    read_buffer(buffer).expect("the host may read it")
}

#[test]
fn bytes_are_copied_and_filled() {
    on_each_device(|device| {
        let from = create_buffer(device, &(0..32u8).collect::<Vec<_>>()).expect("32 bytes");
        let to = create_buffer(device, &[255u8; 16]).expect("16 bytes");
        let error = blit(device, |encoder| {
            encoder.copy_from_buffer(&from, 8, &to, 4, 8);
            encoder.fill_buffer(&to, 12, 4, 7);
            encoder.copy_from_buffer(&from, 0, &to, 0, 0);
            encoder.fill_buffer(&to, 16, 0, 9);
            encoder.copy_from_buffer(&to, 0, &to, 8, 4);
        });
        assert_eq!(error, None);
        assert_eq!(
            bytes_of(&to),
            [255, 255, 255, 255, 8, 9, 10, 11, 255, 255, 255, 255, 7, 7, 7, 7],
            "{}",
            device.name()
        );
    });
}

#[test]
fn private_buffers_are_filled_at_birth_and_read_by_copies() {
    on_each_device(|device| {
        for length in [1, 3, 4, 4097] {
            let data: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
            let private = device.new_buffer_with_data(&data, PRIVATE).expect("it is copied");
            assert_eq!((private.length(), private.resource_options()), (length as u64, PRIVATE));
            let whole = length as u64 / 4 * 4;
            let shared = create_buffer(device, &vec![0u8; length]).expect("some bytes");
            assert_eq!(
                blit(device, |encoder| encoder.copy_from_buffer(&private, 0, &shared, 0, whole)),
                None
            );
            assert_eq!(bytes_of(&shared)[..whole as usize], data[..whole as usize]);
        }
    });
}

#[test]
fn kernels_work_on_private_and_managed_buffers() {
    const SHADER: &str = "kernel void add_one(device uint *x [[buffer(0)]], uint i [[thread_position_in_grid]]) \
                          { x[i] += 1; }";
    on_each_device(|device| {
        let library =
            device.new_library_with_source(SHADER, &CompileOptions::default()).expect("it compiles");
        let function = library.get_function("add_one", None).expect("it is there");
        let pipeline = device.new_compute_pipeline_state_with_function(&function).expect("it suits");
        let data: &[u8] = bytemuck::cast_slice(&[1u32, 2, 3, 4]);
        for options in [PRIVATE, MTLResourceOptions::StorageModeManaged] {
            let x = device.new_buffer_with_data(data, options).expect("16 bytes");
            let back = device.new_buffer(16, MTLResourceOptions::StorageModeManaged).expect("16 bytes");
            let command_buffer = device.new_command_queue().new_command_buffer();
            let encoder = command_buffer.new_compute_command_encoder();
            encoder.set_compute_pipeline_state(&pipeline);
            encoder.set_buffer(0, Some(&x), 0);
            encoder.dispatch_threads(MTLSize::new(4, 1, 1), MTLSize::new(4, 1, 1));
            encoder.end_encoding();
            let encoder = command_buffer.new_blit_command_encoder();
            encoder.copy_from_buffer(&x, 0, &back, 0, 16);
            encoder.end_encoding();
            command_buffer.commit();
            assert_eq!(command_buffer.wait_until_completed().map_err(|error| error.to_string()), Ok(()));
            assert_eq!(read_buffer::<u32>(&back).expect("4 numbers"), [2, 3, 4, 5], "{options:?}");
        }
    });
}

#[test]
fn misuses_are_refused_with_the_reason() {
    on_each_device(|device| {
        let (x, y) = (create_buffer(device, &[1u8; 16]), create_buffer(device, &[2u8; 8]));
        let (x, y) = (x.expect("16 bytes"), y.expect("8 bytes"));
        let foreign = create_buffer(&Device::host(HostOptions::default()), &[0u8; 8]).expect("8 bytes");
        let check = |record: &dyn Fn(&BlitCommandEncoder), expect: &str| {
            assert_eq!(blit(device, record).as_deref(), Some(expect));
        };
        check(
            &|e| e.copy_from_buffer(&x, 12, &y, 0, 8),
            "copy_from_buffer: 8 bytes at offset 12 do not lie within the source buffer, which is 16 bytes long",
        );
        check(
            &|e| e.copy_from_buffer(&x, 0, &y, 4, 8),
            "copy_from_buffer: 8 bytes at offset 4 do not lie within the destination buffer, which is 8 bytes long",
        );
        check(
            &|e| e.fill_buffer(&y, u64::MAX - 3, 4, 0),
            "fill_buffer: 4 bytes at offset 18446744073709551612 do not lie within the buffer, which is 8 bytes long",
        );
        check(&|e| e.fill_buffer(&y, 2, 4, 0), "fill_buffer: the offset 2 is not a multiple of 4");
        check(
            &|e| e.copy_from_buffer(&x, 0, &y, 0, 7),
            "copy_from_buffer: the length 7 is not a multiple of 4",
        );
        check(
            &|e| e.copy_from_buffer(&x, 0, &x, 4, 8),
            "copy_from_buffer: 8 bytes at offset 0 overlap those at offset 4 of the same buffer",
        );
        check(
            &|e| e.copy_from_buffer(&x, 0, &foreign, 0, 4),
            "copy_from_buffer: the destination buffer belongs to another device",
        );
        check(&|e| e.fill_buffer(&foreign, 0, 4, 0), "fill_buffer: the buffer belongs to another device");
        check(
            &|e| {
                e.end_encoding();
                e.fill_buffer(&y, 0, 4, 0);
            },
            "fill_buffer: the encoder has ended",
        );
        assert_eq!((bytes_of(&x), bytes_of(&y)), (vec![1; 16], vec![2; 8]), "nothing has run");
    });
}
