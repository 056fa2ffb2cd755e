using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The state of one call of <c>Fit</c>: what is trained, on what, and how far it is.</summary>
internal sealed class TrainingRun : IDisposable
{
    private readonly MovedData _data;
    private readonly GlobalRandomScope _random;
    private readonly List<SynchronizedBatchNorm> _batchNorms = [];
    private PartialEpoch? _partial;
    private RunFormat? _format;

    public TrainingRun(
        TrainingSetup setup, ImageDataset train, ImageDataset? validation, IProgress<TrainingProgress>? progress,
        CancellationToken cancellation)
    {
        (Setup, Cancellation) = (setup, cancellation);
        Report = new ProgressReporter(setup.Options.Epochs, progress);
        _data = new MovedData(train, validation, setup.Device, setup.Options.KeepDataOnHost);
        try
        {
            Identity = setup.Options.CheckpointDirectory is null && !Ranks.AreSeveral
                ? []
                : RunIdentity.Of(setup, _data.Train, _data.Validation);
            Weights = StudentWeights.Of(setup.Student, setup.Options.Precision);
            Optimizer = new RunOptimizer(setup.Options, Weights, setup.Loss.Trainable);
            if (Ranks.AreSeveral) Reduction = new GradientReduction(Ranks, Optimizer.Trained, _batchNorms, cancellation);
            Batches = BatchesOf(setup.Options.Seed);
            Health = new StepHealth(setup.Options, Weights, Optimizer, ProbeImages);
            _random = new GlobalRandomScope();
            if (setup.Options.WeightAveraging is { } averaging) Average = new AverageKeeper(averaging);
        }
        catch
        {
            // The user's own optimiser may fail to be made; the student gets the precision back that it had.
            Dispose();
            throw;
        }
    }

    public TrainingSetup Setup { get; }

    public TrainerOptions Options => Setup.Options;

    public Ranks Ranks => Setup.Ranks;

    public Device Device => Setup.Device;

    public ImageDataset Train => _data.Train;

    public ImageDataset? Validation => _data.Validation;

    /// <summary>The training batches of any epoch. They depend only on seed, epoch and step.</summary>
    public ImageBatches Batches { get; }

    public StudentWeights Weights { get; }

    public RunOptimizer Optimizer { get; }

    /// <summary>Adds up the gradients of the ranks; null for a single one.</summary>
    public GradientReduction? Reduction { get; }

    public AverageKeeper? Average { get; }

    public StepHealth Health { get; }

    /// <summary>What the frozen networks answered before the first step; null until then.</summary>
    public KeptOutputs? Kept { get; private set; }

    public ProgressReporter Report { get; }

    /// <summary>What a checkpoint is recognised by; empty for a run that is not saved.</summary>
    public Dictionary<string, string> Identity { get; }

    public CancellationToken Cancellation { get; }

    /// <summary>What may interrupt work between two exchanges: with several ranks nothing, because they end together.</summary>
    public CancellationToken OwnCancellation => Ranks.AreSeveral ? CancellationToken.None : Cancellation;

    public List<EpochMetrics> Epochs { get; private set; } = [];

    /// <summary>The epoch with the best weights so far.</summary>
    public int Best { get; private set; }

    /// <summary>Where the run was when this process began: an epoch, and a step in it.</summary>
    public (int Epoch, int Step) Start { get; private set; }

    /// <summary>Steps of an epoch.</summary>
    public int Steps => (Train.Count - 1) / Options.BatchSize + 1;

    /// <summary>Whether the step that is about to begin is the first of this process.</summary>
    public bool IsFirstStep(TrainingMoment moment) => (moment.Epoch, moment.Step) == Start;

    /// <summary>The saved part of the epoch that is about to begin; null from the second time on.</summary>
    public PartialEpoch? TakePartial()
    {
        var partial = _partial;
        _partial = null;
        return partial;
    }

    /// <summary>Goes to where a checkpoint was written.</summary>
    public void ResumeFrom(TrainingCheckpoint checkpoint)
    {
        (Epochs, Best, _partial) = (checkpoint.Epochs, checkpoint.Best, checkpoint.Partial);
        Health.SkippedInARow = checkpoint.SkippedInARow;
        Start = (Epochs.Count, _partial?.Step ?? 0);
    }

    /// <summary>Adds an epoch that is over.</summary>
    public void Add(EpochMetrics metrics)
    {
        Epochs.Add(metrics);
        Report.Add(metrics);
        if (Validation is null || Epochs.Count == 1 || metrics.Selection > Epochs[Best].Selection) Best = metrics.Epoch;
    }

    /// <summary>Seeds the global generators, which dropout draws from, for one step: differently at each rank, whose images are
    /// others.</summary>
    public void Reseed(TrainingMoment moment)
    {
        var seed = SeedMixer.Mix(SeedMixer.Mix(SeedOf(moment.Epoch), "global"), (ulong)moment.Step);
        _random.Reseed(Ranks.IsFirst ? seed : SeedMixer.Mix(SeedMixer.Mix(seed, "rank"), (ulong)Ranks.Rank));
    }

    public ulong SeedOf(int epoch) => SeedMixer.Mix(Options.Seed, (ulong)epoch);

    /// <summary>Batches of the training set in an order of their own.</summary>
    public ImageBatches BatchesOf(ulong seed) => new(Train, new ImageBatchOptions
    {
        BatchSize = Options.BatchSize, Augmentation = Options.Augmentation, Seed = seed, DType = Weights.ImageDType, Device = Device,
    });

    public void Dispose()
    {
        Kept?.Dispose();
        _format?.Dispose();
        Average?.Dispose();
        // All but the data may be missing where the constructor failed.
        Health?.Dispose();
        _random?.Dispose();
        foreach (var layers in _batchNorms) layers.Dispose();
        Optimizer?.Dispose();
        Weights?.Dispose();
        _data.Dispose();
    }

    /// <summary>Brings the networks into the memory format of the run and lets their batch norm exchange its statistics.</summary>
    public void Arrange()
    {
        _format = new RunFormat(this);
        ConvolutionCheck.Ensure(Setup.Student);
        foreach (var network in Setup.Networks.Values) ConvolutionCheck.Ensure(network);
        // Not before, because the passes that measure the formats are each rank's own.
        if (Ranks.AreSeveral && Options.BatchNorm == DistributedBatchNorm.Synchronized) Synchronize();
    }

    /// <summary>Computes once what the networks answer on the clean training images.</summary>
    /// <param name="taps">Taps of all networks but the student.</param>
    public void Keep(IReadOnlyDictionary<NetworkRole, IFeatureTap> taps) => Kept = new KeptOutputs(this, taps);

    // The layers of the loss as well as those of the student.
    private void Synchronize()
    {
        _batchNorms.Add(SynchronizedBatchNorm.Attach(Setup.Student, Ranks.Collective));
        if (Setup.Loss.Trainable is { } loss) _batchNorms.Add(SynchronizedBatchNorm.Attach(loss, Ranks.Collective));
    }

    private Tensor ProbeImages() => FirstImages(16);

    /// <summary>The first images of the training set, as many as there are, on the device of the run.</summary>
    public Tensor FirstImages(int count)
    {
        var (images, labels) = Train.Batch([.. Enumerable.Range(0, Math.Min(count, Train.Count)).Select(i => (long)i)], Weights.ImageDType);
        labels.Dispose();
        return Transfer.To(images, Device);
    }
}
