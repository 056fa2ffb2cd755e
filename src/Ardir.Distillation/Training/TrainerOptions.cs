using Ardir.Attacks;
using Ardir.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ardir.Distillation;

/// <summary>
/// Options of <see cref="DistillationTrainer"/>. The defaults are the recipe of Rice et al. (2020), which ARDIR follows: SGD with
/// momentum 0.9, weight decay 5e-4 on all parameters, learning rate 0.1 divided by 10 at epochs 100 and 150 of 200, batches of
/// 128, the last one kept.
/// </summary>
public sealed record TrainerOptions
{
    /// <summary>Passes over the training set.</summary>
    /// <value>200 by default.</value>
    public int Epochs { get; init; } = 200;

    /// <summary>Images per step, of all ranks together (<see cref="Collective"/>); the last batch of an epoch may be smaller.</summary>
    /// <value>128 by default.</value>
    public int BatchSize { get; init; } = 128;

    /// <summary>Initial learning rate, positive. Adversarial training on SVHN needs 0.01, or a warm-up; <see cref="AdamOptimizer"/> and
    /// <see cref="AdamWOptimizer"/> need about 1e-3, and rates above 0.02 are logged as a warning with them.</summary>
    /// <value>0.1 by default.</value>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Epochs (from 0, increasing) at whose beginning the learning rate is multiplied by
    /// <see cref="LearningRateDecay"/>.</summary>
    /// <value>100 and 150 by default.</value>
    public IReadOnlyList<int> Milestones { get; init; } = [100, 150];

    /// <summary>Factor at each milestone, in (0,1].</summary>
    /// <value>0.1 by default.</value>
    public double LearningRateDecay { get; init; } = 0.1;

    /// <summary>The learning rate over the run, for example a <see cref="CosineSchedule"/>; null for <see cref="Milestones"/> and
    /// <see cref="LearningRateDecay"/>, which it replaces.</summary>
    /// <value>null by default.</value>
    public ILearningRateSchedule? Schedule { get; init; }

    /// <summary>Epochs over which the learning rate rises linearly, step by step, from 0.</summary>
    /// <value>0 by default.</value>
    public int WarmupEpochs { get; init; }

    /// <summary>What changes the weights: <see cref="SgdOptimizer"/>, <see cref="AdamOptimizer"/>, <see cref="AdamWOptimizer"/>, or one of
    /// your own (<see cref="TrainingOptimizer.Custom"/>). Its whole state is in the checkpoints.</summary>
    /// <value><see cref="SgdOptimizer"/> by default: momentum 0.9, weight decay 5e-4.</value>
    public TrainingOptimizer Optimizer { get; init; } = new SgdOptimizer();

    /// <summary>Upper bound of the global gradient norm (L2 norm of all gradients together), positive. Larger gradients are
    /// scaled down to it.</summary>
    /// <value>null by default: no limit.</value>
    public double? MaxGradientNorm { get; init; }

    /// <summary>Share of the label that is spread evenly over all classes, in [0,1), in every cross-entropy with true labels.</summary>
    /// <value>0 by default, as in all recipes of adversarial training.</value>
    public double LabelSmoothing { get; init; }

    /// <summary>Number of parts that a batch is cut into, processed one after another, when memory is too small for the whole.
    /// The gradients add up to those of the batch, but batch norm computes its statistics per part. A loss of your own that is a sum over
    /// samples and not a mean divides it by <see cref="DistillationInputs.Share"/>.</summary>
    /// <value>1 by default.</value>
    public int AccumulationSteps { get; init; } = 1;

    /// <summary>Adversarial weight perturbation around the objective.</summary>
    /// <value>null by default: none.</value>
    public AdversarialWeightPerturbation? WeightPerturbation { get; init; }

    /// <summary>An average of the weights, kept beside the student: <see cref="StochasticWeightAveraging"/> or
    /// <see cref="ExponentialMovingAverage"/>.</summary>
    /// <value>null by default: none.</value>
    public WeightAveraging? WeightAveraging { get; init; }

    /// <summary>Compute precision of the student.</summary>
    /// <value><see cref="TrainingPrecision.Full"/> by default.</value>
    public TrainingPrecision Precision { get; init; }

    /// <summary>In which order the convolutions of student and teachers compute while <see cref="DistillationTrainer.Fit"/> runs.
    /// Afterwards the weights have the order that they had before; checkpoints are the same in each. Free to change when a run resumes, but
    /// the last digits of what follows depend on it.</summary>
    /// <value><see cref="Ardir.Core.MemoryFormat.Contiguous"/> by default.</value>
    public MemoryFormat MemoryFormat { get; init; }

    /// <summary>By which algorithm 3x3 convolutions compute in the attacks of the run, as <see cref="AttackContext.Convolutions"/>: those
    /// that craft, and those of <see cref="SelectionAttack"/>; also in the teachers, which then keep their order on the CPU whatever
    /// <see cref="MemoryFormat"/> says. The student itself learns by <see cref="ConvolutionAlgorithm.Direct"/>. Free to change when a run
    /// resumes, but the last digits of what follows depend on it.</summary>
    /// <value><see cref="ConvolutionAlgorithm.Direct"/> by default.</value>
    public ConvolutionAlgorithm Convolutions { get; init; }

    /// <summary>Whether the attacks of the run fold batch norms into convolutions, as <see cref="AttackContext.FoldBatchNorm"/>: those that
    /// craft in eval mode, and those of <see cref="SelectionAttack"/>; also the teachers, but for what a loss trains or averages. Free to
    /// change when a run resumes, but the last digits of what follows depend on it.</summary>
    /// <value>false by default.</value>
    public bool FoldBatchNorm { get; init; }

    /// <summary>On how many threads the attacks of the run work on the CPU, as <see cref="AttackContext.Shards"/>: those that craft in eval
    /// mode, and those of <see cref="SelectionAttack"/>. Free to change when a run resumes, but the last digits of what follows depend on
    /// it.</summary>
    /// <value>1 by default; <see cref="Ardir.Attacks.AttackShards.Automatic"/> measures whether more are faster.</value>
    public int AttackShards { get; init; } = 1;

    /// <summary>In which precision the attacks of the run follow gradients, as <see cref="AttackContext.SearchPrecision"/>: those that
    /// craft, and those of <see cref="SelectionAttack"/>, whose findings are judged in full precision. Everything else of a step computes
    /// in <see cref="Precision"/>.</summary>
    /// <value><see cref="Ardir.Attacks.SearchPrecision.Full"/> by default.</value>
    public SearchPrecision SearchPrecision { get; init; }

    /// <summary>Memory, in bytes on the device of the run, for what the teachers answer on the clean training images: computed once instead
    /// of in every epoch (<see cref="OutputCache"/>). A teacher whose answers do not fit is asked at every step, and a warning says what it
    /// would take. Needs images without <see cref="Augmentation"/>. Free to change when a run resumes, but the last digits of what follows
    /// depend on it.</summary>
    /// <value>0 by default: nothing is kept.</value>
    public long OutputCacheBytes { get; init; }

    /// <summary>Whether memory that is free on the CPU goes back to the operating system before the attacks of each step
    /// (<see cref="FreedMemory.GiveBack"/>). Where <see cref="FreedMemory.Keep"/> was called, gaps between blocks would otherwise let the
    /// process grow; a step takes some percent longer. Free to change when a run resumes; results do not depend on it.</summary>
    /// <value>false by default.</value>
    public bool GiveBackMemory { get; init; }

    /// <summary>What happens when a loss is NaN or infinite.</summary>
    /// <value><see cref="NonFiniteLoss.Stop"/> by default.</value>
    public NonFiniteLoss NonFiniteLoss { get; init; }

    /// <summary>Random shift and flip of the training images; null for none, because images of some data sets (digits) must not be flipped.
    /// <see cref="ImageAugmentation.Cifar"/> is the usual one for CIFAR.</summary>
    /// <value>null by default.</value>
    public ImageAugmentation? Augmentation { get; init; }

    /// <summary>How the adversarial images are made: a <see cref="PrescribedCrafting"/> as the source of the loss does it, or an
    /// <see cref="OwnCrafting"/> with an attack of your own. Losses on adversarial images need one.</summary>
    /// <value>null by default.</value>
    public Crafting? Crafting { get; init; }

    /// <summary>Measures robust accuracy on the validation set after each epoch, by which the best epoch is then chosen; null to
    /// choose it by clean accuracy. A threat model other than that of <see cref="Crafting"/> is allowed and logged as a
    /// warning.</summary>
    /// <value>null by default.</value>
    public IAttack? SelectionAttack { get; init; }

    /// <summary>Images per batch of an evaluation.</summary>
    /// <value>256 by default.</value>
    public int EvaluationBatchSize { get; init; } = 256;

    /// <summary>Where to train: student, teacher and data are moved there.</summary>
    /// <value>null by default: where the student is.</value>
    public Device? Device { get; init; }

    /// <summary>For data sets that do not fit on the GPU: those on the CPU stay there, and each batch is sent through pinned
    /// memory, without waiting. The result is the same; without a GPU the option has no effect.</summary>
    /// <value>false by default: the data sets are copied to the device once.</value>
    public bool KeepDataOnHost { get; init; }

    /// <summary>Whether matrix products and convolutions on NVIDIA GPUs may round their inputs to TF32: several times faster, 3
    /// decimal digits. Applies while <see cref="DistillationTrainer.Fit"/> runs, also when false (libtorch's own default is true
    /// for convolutions); afterwards the process's settings are restored.</summary>
    /// <value>false by default: float32 is float32.</value>
    public bool AllowTf32 { get; init; }

    /// <summary>A folder for <c>last.safetensors</c> and <c>best.safetensors</c>, written after every epoch. If it already holds
    /// a run, training resumes from it.</summary>
    /// <value>null by default: nothing is written.</value>
    public string? CheckpointDirectory { get; init; }

    /// <summary>Also writes <c>last.safetensors</c> within an epoch, after the first step that ends at least this long after the
    /// last write; positive. For epochs that take hours.</summary>
    /// <value>null by default: at the ends of epochs only.</value>
    public TimeSpan? CheckpointInterval { get; init; }

    /// <summary>Root of all random numbers: order, augmentation, attacks, dropout.</summary>
    /// <value>0 by default.</value>
    public ulong Seed { get; init; }

    /// <summary>The processes that train together, each of which calls <see cref="DistillationTrainer.Fit"/> with the same data, networks
    /// and options: every rank works on its part of each batch, and the gradients are added up after the backward pass. Rank 0 alone writes
    /// files, logs and reports progress. A run may resume with another number of ranks.</summary>
    /// <value><see cref="SoloCollective"/> by default: one process.</value>
    public ICollective Collective { get; init; } = SoloCollective.Instance;

    /// <summary>What batch norm computes its statistics from when there are several ranks. Without effect for one.</summary>
    /// <value><see cref="DistributedBatchNorm.Synchronized"/> by default.</value>
    public DistributedBatchNorm BatchNorm { get; init; }

    /// <summary>Receives one line per epoch, and warnings; at rank 0 only.</summary>
    /// <value>A logger that drops everything by default.</value>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    internal ILearningRateSchedule EffectiveSchedule => Schedule ?? new MultiStepSchedule(Milestones, LearningRateDecay);

    internal void Validate()
    {
        AtLeast(1, AccumulationSteps, nameof(AccumulationSteps));
        InRange(LabelSmoothing is >= 0 and < 1, LabelSmoothing, nameof(LabelSmoothing), "in [0,1)");
        if (MaxGradientNorm is { } norm) InRange(double.IsFinite(norm) && norm > 0, norm, nameof(MaxGradientNorm), "positive and finite");
        if (CheckpointInterval is { } interval && interval <= TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(CheckpointInterval), interval, "CheckpointInterval must be positive.");
        if (CheckpointDirectory is not null && string.IsNullOrWhiteSpace(CheckpointDirectory))
            throw new ArgumentException(
                "CheckpointDirectory is empty; expected the path of a folder, or null for no checkpoints.", nameof(CheckpointDirectory));
        if (CheckpointInterval is not null && CheckpointDirectory is null)
            throw new ArgumentException("CheckpointInterval needs a CheckpointDirectory to write to.", nameof(CheckpointInterval));
        ValidateCache();
        LossGuard.Defined(Precision);
        LossGuard.Defined(NonFiniteLoss);
        LossGuard.Defined(MemoryFormat);
        LossGuard.Defined(SearchPrecision);
        LossGuard.Defined(Convolutions);
        LossGuard.Defined(BatchNorm);
        ArgumentNullException.ThrowIfNull(Collective);
        ArgumentNullException.ThrowIfNull(Optimizer);
        Optimizer.Validate();
        WeightPerturbation?.Validate();
        WeightAveraging?.Validate();
        AtLeast(0, AttackShards, nameof(AttackShards));
        AtLeast(1, Epochs, nameof(Epochs));
        AtLeast(1, BatchSize, nameof(BatchSize));
        AtLeast(1, EvaluationBatchSize, nameof(EvaluationBatchSize));
        AtLeast(0, WarmupEpochs, nameof(WarmupEpochs));
        InRange(double.IsFinite(LearningRate) && LearningRate > 0, LearningRate, nameof(LearningRate), "positive and finite");
        InRange(LearningRateDecay > 0 && LearningRateDecay <= 1, LearningRateDecay, nameof(LearningRateDecay), "in (0,1]");
        ArgumentNullException.ThrowIfNull(Logger);
        ScheduleGuard.Milestones(Milestones, nameof(Milestones));
    }

    private void ValidateCache()
    {
        InRange(OutputCacheBytes >= 0, OutputCacheBytes, nameof(OutputCacheBytes), "0 (nothing is kept) or a number of bytes");
        if (OutputCacheBytes > 0 && Augmentation is not null)
            throw new ArgumentException(
                "OutputCacheBytes keeps what the teachers answer on the images of the data set, but Augmentation shows them other images " +
                "in every epoch. Set OutputCacheBytes to 0 or Augmentation to null.", nameof(OutputCacheBytes));
    }

    private static void AtLeast(int least, int value, string name)
    {
        if (value < least) throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least {least}.");
    }

    private static void InRange(bool holds, double value, string name, string range)
    {
        if (!holds) throw new ArgumentOutOfRangeException(name, value, $"{name} must be {range}.");
    }
}
