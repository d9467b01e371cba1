//! The training loop: epochs of shuffled batches, one command buffer a step, a test after every epoch.
//!
//! **Invariant:** a run is a function of settings and data. Random numbers follow from the seed and their
//! purpose, the order of work is fixed, and the device gives the same bits however many cores it uses.

use bitnet_core::metal::{Buffer, CommandBuffer, Device, MetalError};

use crate::checkpoint::{Checkpoint, EpochRecord, EpochScores, History};
use crate::config::{ConfigError, TrainConfig};
use crate::data::Dataset;
use crate::infer::{PredictError, Predictor, argmax};
use crate::metrics::{Metrics, Score};
use crate::model::{Model, TrainingRecord};
use crate::network::{Gpu, StepInput, TrainingNetwork, View, read, start};
use crate::rng::{Purpose, Stream};
use crate::schedule::Schedule;
use crate::shape::{self, NORM_EPSILON};

/// Steps that are handed to the device before their losses are waited for: enough to keep it busy, few
/// enough to show.
const STEPS_IN_FLIGHT: usize = 8;

/// A training run.
///
/// ```no_run
/// use bitnet_core::metal::Device;
/// use bitnet_nn::{Progress, TrainConfig, Trainer, data::digits};
///
/// let device = Device::system_default()?;
/// let mut trainer = Trainer::new(&device, TrainConfig::default(), digits::load())?;
/// trainer.train(&mut |progress| {
///     if let Progress::Epoch(epoch) = progress {
///         println!("{}: loss {:.4}", epoch.epoch, epoch.loss);
///     }
/// })?;
/// trainer.model()?.save("digits.bitnet.safetensors".as_ref())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer {
    gpu: Gpu,
    config: TrainConfig,
    dataset: Dataset,
    network: TrainingNetwork,
    schedule: Schedule,
    rows: EpochRows,
    history: History,
}

/// The training rows of one epoch in their order, and what the steps make of them.
struct EpochRows {
    images: Buffer, // (train rows, features)
    labels: Buffer, // u32 (train rows)
    logits: Buffer, // (train rows, classes)
    losses: Buffer, // (train rows)
}

/// What a run reports on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// A step is done.
    Step {
        /// Steps done, this one included.
        step: u64,
        /// Steps of the whole run.
        total_steps: u64,
        /// The mean loss of its batch.
        loss: f32,
    },
    /// An epoch is done and the test images have been read.
    Epoch(EpochRecord),
}

/// Why training could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting does not suit the data.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The device failed.
    #[error(transparent)]
    Metal(#[from] MetalError),
    /// The test images could not be read.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// The loss is not a finite number any more.
    #[error(
        "step {step} (epoch {epoch}): the loss is {loss}; a lower learning rate than {learning_rate} may help"
    )]
    Diverged {
        /// The step, counted from 1.
        step: u64,
        /// The epoch, counted from 1.
        epoch: u32,
        /// The mean loss of its batch.
        loss: f32,
        /// The highest learning rate of the run.
        learning_rate: f32,
    },
    /// A checkpoint was made with other data.
    #[error("the checkpoint was made with data set '{expected}' of other contents than '{found}'")]
    OtherData {
        /// The name of the checkpoint's data set.
        expected: String,
        /// The name of the data set given.
        found: String,
    },
}

impl Trainer {
    /// A run from its start.
    ///
    /// # Errors
    /// If the network would be too large, or the device has no room or cannot compile its shaders.
    pub fn new(device: &Device, config: TrainConfig, dataset: Dataset) -> Result<Self, TrainError> {
        let shapes = shape::layers(dataset.shape(), config.hidden(), config.weight_scale())?;
        let checkpoint = Checkpoint {
            data: dataset.shape().clone(),
            fingerprint: dataset.fingerprint(),
            layers: start(&shapes, config.seed()),
            epochs: Vec::new(),
            step_losses: Vec::new(),
            config,
        };
        Self::resume(device, checkpoint, dataset)
    }

    /// A run from where a checkpoint was made, with the losses that it would have had without the break.
    ///
    /// # Errors
    /// If the data are not those of the checkpoint, and as [`new`](Self::new).
    pub fn resume(device: &Device, checkpoint: Checkpoint, dataset: Dataset) -> Result<Self, TrainError> {
        if !checkpoint.is_of(&dataset) {
            let (expected, found) = (checkpoint.data.name, dataset.shape().name.clone());
            return Err(TrainError::OtherData { expected, found });
        }
        let Checkpoint { config, data: _, fingerprint: _, layers, epochs, step_losses } = checkpoint;
        let shapes: Vec<_> = layers.iter().map(|layer| layer.shape).collect();
        shape::check_batch(&config, &shapes)?;
        let gpu = Gpu::new(device)?;
        let train_rows = dataset.train().len();
        let rows = EpochRows {
            images: gpu.zeros(train_rows * dataset.shape().features())?,
            labels: gpu.zeros(train_rows)?,
            logits: gpu.zeros(train_rows * dataset.shape().classes)?,
            losses: gpu.zeros(train_rows)?,
        };
        let network = TrainingNetwork::new(&gpu, &layers, config.batch().min(train_rows), config.dropout())?;
        let schedule = Schedule::new(&config, train_rows.div_ceil(config.batch()) as u64);
        let mut trainer = Self { gpu, config, dataset, network, schedule, rows, history: History::default() };
        trainer.history = trainer.history_of(&epochs, step_losses);
        Ok(trainer)
    }

    fn history_of(&self, scores: &[EpochScores], step_losses: Vec<f32>) -> History {
        let record = |(index, scores): (usize, &EpochScores)| EpochRecord {
            epoch: index as u32 + 1,
            loss: self.epoch_loss(&step_losses[index * self.steps_per_epoch()..][..self.steps_per_epoch()]),
            train: scores.train,
            test: scores.test,
        };
        let epochs = scores.iter().enumerate().map(record).collect();
        History { step_losses, epochs }
    }

    /// The settings of the run.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The data of the run.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// What the run has been through so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Whether all epochs are done.
    pub fn is_finished(&self) -> bool {
        self.history.epochs.len() >= self.config.epochs() as usize
    }

    /// Optimiser steps of one epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.dataset.train().len().div_ceil(self.config.batch())
    }

    /// Runs all epochs that are left and reads the test images.
    ///
    /// # Errors
    /// If the device fails or the loss is not a number any more; the run has stopped there.
    pub fn train(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<Metrics, TrainError> {
        while !self.is_finished() {
            self.train_epoch(progress)?;
        }
        self.evaluate()
    }

    /// Runs one epoch and reads the test images; between two epochs a [`checkpoint`](Self::checkpoint) can
    /// be made. After the last one the learning rate is 0.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn train_epoch(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<EpochRecord, TrainError> {
        let labels = self.upload_rows()?;
        let steps: Vec<usize> = (0..self.steps_per_epoch()).collect();
        let mut losses = Vec::with_capacity(steps.len());
        for burst in steps.chunks(STEPS_IN_FLIGHT) {
            let submitted =
                burst.iter().map(|&step| self.submit_step(step)).collect::<Result<Vec<_>, _>>()?;
            for (command_buffer, &step) in submitted.iter().zip(burst) {
                let loss = self.finish_step(command_buffer, step)?;
                losses.push(loss);
                progress(Progress::Step {
                    step: self.step_of_run(step) + 1,
                    total_steps: self.steps_per_epoch() as u64 * u64::from(self.config.epochs()),
                    loss,
                });
            }
        }
        let record = EpochRecord {
            epoch: self.history.epochs.len() as u32 + 1,
            loss: self.epoch_loss(&losses),
            train: self.train_score(&labels)?,
            test: self.evaluate()?.score(),
        };
        self.history.step_losses.append(&mut losses);
        self.history.epochs.push(record);
        progress(Progress::Epoch(record));
        Ok(record)
    }

    /// Puts the training rows on the device in the order of the coming epoch; gives their labels.
    fn upload_rows(&self) -> Result<Vec<u32>, MetalError> {
        let train = self.dataset.train();
        let epoch = self.history.epochs.len() as u64;
        let order = Stream::new(self.config.seed(), Purpose::Shuffle, epoch).permutation(train.len() as u32);
        let features = self.dataset.shape().features();
        let mut images = Vec::with_capacity(train.images().len());
        for &row in &order {
            images.extend_from_slice(&train.images()[row as usize * features..][..features]);
        }
        let labels: Vec<u32> = order.iter().map(|&row| train.labels()[row as usize]).collect();
        self.rows.images.write(0, bytemuck::cast_slice(&images))?;
        self.rows.labels.write(0, bytemuck::cast_slice(&labels))?;
        Ok(labels)
    }

    /// The first row of a step of the epoch, and how many it has.
    fn step_rows(&self, step: usize) -> (usize, usize) {
        let first = step * self.config.batch();
        (first, self.config.batch().min(self.dataset.train().len() - first))
    }

    /// Counted from 0, as `step` of the epoch is.
    fn step_of_run(&self, step: usize) -> u64 {
        self.history.epochs.len() as u64 * self.steps_per_epoch() as u64 + step as u64
    }

    fn submit_step(&self, step: usize) -> Result<CommandBuffer, MetalError> {
        let (first, rows) = self.step_rows(step);
        let shape = self.dataset.shape();
        let step_of_run = self.step_of_run(step);
        let input = StepInput {
            rows,
            images: View::at(&self.rows.images, first * shape.features()),
            labels: View::at(&self.rows.labels, first),
            logits: View::at(&self.rows.logits, first * shape.classes),
            losses: View::at(&self.rows.losses, first),
            masks: Stream::new(self.config.seed(), Purpose::Dropout, step_of_run),
        };
        let settings = self.schedule.at(step_of_run);
        self.gpu.submit(|recorder| self.network.record_step(recorder, input, settings))
    }

    /// Waits for a step; gives the mean loss of its batch.
    fn finish_step(&self, command_buffer: &CommandBuffer, step: usize) -> Result<f32, TrainError> {
        command_buffer.wait_until_completed()?;
        let (first, rows) = self.step_rows(step);
        let mut losses = vec![0_f32; rows];
        self.rows.losses.read(4 * first as u64, bytemuck::cast_slice_mut(&mut losses))?;
        let loss = (losses.iter().copied().map(f64::from).sum::<f64>() / rows as f64) as f32;
        if !loss.is_finite() {
            return Err(TrainError::Diverged {
                step: self.step_of_run(step) + 1,
                epoch: self.history.epochs.len() as u32 + 1,
                loss,
                learning_rate: self.config.learning_rate(),
            });
        }
        Ok(loss)
    }

    /// The mean loss of the rows of an epoch, from those of its steps.
    fn epoch_loss(&self, step_losses: &[f32]) -> f64 {
        let weighted = |(step, &loss): (usize, &f32)| f64::from(loss) * self.step_rows(step).1 as f64;
        step_losses.iter().enumerate().map(weighted).sum::<f64>() / self.dataset.train().len() as f64
    }

    /// How many of the epoch's rows the network read correctly as it learned them.
    fn train_score(&self, labels: &[u32]) -> Result<Score, MetalError> {
        let logits: Vec<f32> = read(&self.rows.logits)?;
        let rows = logits.chunks_exact(self.dataset.shape().classes).zip(labels);
        let correct = rows.filter(|(row, label)| argmax(row) == Some(**label)).count();
        Ok(Score { correct: correct as u64, total: labels.len() as u64 })
    }

    /// Reads the test images with the network as it is now, from packed weights alone.
    ///
    /// # Errors
    /// If the device fails or the network gives no number.
    pub fn evaluate(&self) -> Result<Metrics, TrainError> {
        let model = self.model_with(Score { correct: 0, total: 0 })?;
        Ok(Predictor::with_gpu(self.gpu.clone(), &model)?.evaluate(self.dataset.test())?)
    }

    /// The network as it is now, packed, with its score on the test images.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn model(&self) -> Result<Model, TrainError> {
        let test = match self.history.epochs.last() {
            Some(epoch) => epoch.test,
            None => self.evaluate()?.score(),
        };
        Ok(self.model_with(test)?)
    }

    fn model_with(&self, test: Score) -> Result<Model, MetalError> {
        Ok(Model {
            data: self.dataset.shape().clone(),
            norm_epsilon: NORM_EPSILON,
            layers: self.network.packed(&self.gpu)?,
            training: TrainingRecord {
                seed: self.config.seed(),
                epochs: self.history.epochs.len() as u32,
                test,
            },
        })
    }

    /// All that is needed to go on later as if the run had never stopped.
    ///
    /// # Errors
    /// If the device's buffers cannot be read.
    pub fn checkpoint(&self) -> Result<Checkpoint, TrainError> {
        let scores = |epoch: &EpochRecord| EpochScores { train: epoch.train, test: epoch.test };
        Ok(Checkpoint {
            config: self.config.clone(),
            data: self.dataset.shape().clone(),
            fingerprint: self.dataset.fingerprint(),
            layers: self.network.latent()?,
            epochs: self.history.epochs.iter().map(scores).collect(),
            step_losses: self.history.step_losses.clone(),
        })
    }
}
