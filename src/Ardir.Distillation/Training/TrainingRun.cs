using System.Diagnostics;
using Ardir.Attacks;
using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>The state of one call of <see cref="DistillationTrainer.Fit"/>.</summary>
internal sealed class TrainingRun : IDisposable
{
    private readonly MovedData _data;
    private readonly nn.Module<Tensor, Tensor> _student;
    private readonly int _epochs;

    public TrainingRun(
        nn.Module<Tensor, Tensor> student, IModule? teacher, IModule? standardTeacher, IDistillationLoss loss, TrainerOptions options,
        ImageDataset train, ImageDataset? validation, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        (_student, _epochs, Progress, Cancellation) = (student, options.Epochs, progress, cancellation);
        Device = options.Device ?? student.parameters().First().device;
        _data = new MovedData(train, validation, Device, options.KeepDataOnHost);
        Identity = RunIdentity.Of(options, loss, student, teacher, standardTeacher, Train, Validation);
        if (options.Precision == TrainingPrecision.BFloat16) Masters = new MasterWeights(student);
        // The optimiser is made after the conversion, because its state belongs to the tensors it was made with.
        var trained = student.parameters()
            .Where(parameter => parameter.requires_grad)
            .Select(parameter => Masters?.ParameterOf(parameter) ?? parameter);
        if (loss.Trainable is { } own) trained = trained.Concat(own.parameters().Where(parameter => parameter.requires_grad));
        Optimizer = optim.SGD(trained.ToArray(), options.LearningRate, options.Momentum, weight_decay: options.WeightDecay);
        Loss = new LossState(loss.Trainable, student, Optimizer);
        Random = new GlobalRandomScope();
        if (options.WeightAveraging is { } averaging) Average = new AverageKeeper(averaging);
    }

    public Device Device { get; }

    public ImageDataset Train => _data.Train;

    public ImageDataset? Validation => _data.Validation;

    public SGD Optimizer { get; }

    /// <summary>The loss's own trainable parameters and their momentum.</summary>
    public LossState Loss { get; }

    public GlobalRandomScope Random { get; }

    /// <summary>Collects signs of a broken student (NaN logits or gradients) that attacks noticed; read at logging points.</summary>
    public SoundnessWatch Soundness { get; } = new();

    public MasterWeights? Masters { get; }

    public AverageKeeper? Average { get; }

    public IProgress<TrainingProgress>? Progress { get; }

    public Stopwatch Clock { get; } = Stopwatch.StartNew();

    public Dictionary<string, string> Identity { get; }

    public CancellationToken Cancellation { get; }

    public List<EpochMetrics> Epochs { get; set; } = [];

    /// <summary>The epochs so far as a list that does not change any more, for progress reports.</summary>
    public IReadOnlyList<EpochMetrics> History { get; set; } = [];

    public int Best { get; set; }

    /// <summary>Number of epochs that were finished when this process began.</summary>
    public int FirstEpoch { get; set; }

    /// <summary>What the checkpoint held of the unfinished epoch in which this process began; null once that epoch has resumed.</summary>
    public PartialEpoch? Partial { get; set; }

    public TimeSpan Saved { get; set; }

    /// <summary>The student for attacks and evaluations: takes float32 images also when it computes in bfloat16.</summary>
    public nn.Module<Tensor, Tensor> Network => Masters?.Network ?? _student;

    /// <summary>The dtype of images.</summary>
    public ScalarType DType => Masters is null ? _student.parameters().First().dtype : ScalarType.Float32;

    /// <summary>Weights and buffers as they are saved. Live tensors.</summary>
    public Dictionary<string, Tensor> State() => Masters?.State() ?? new(_student.state_dict(), StringComparer.Ordinal);

    public void Load(IReadOnlyDictionary<string, Tensor> state, string source)
    {
        StudentState.Load(_student, state, source);
        Masters?.Load(state);
    }

    public void Tell(TrainingPhase phase, int epoch, int step, int steps, double? loss, EpochMetrics? metrics = null)
    {
        if (Progress is null) return;
        // Within an epoch, its training steps stand for the whole epoch. Evaluation follows them, so the estimate is a little too short.
        var done = epoch - FirstEpoch + (phase == TrainingPhase.Train ? step / (double)steps : 1);
        var elapsed = Clock.Elapsed;
        Progress.Report(new TrainingProgress
        {
            Phase = phase, Epoch = epoch, Epochs = _epochs, Step = step, Steps = steps,
            Loss = loss, Elapsed = elapsed, Metrics = metrics, History = History,
            Remaining = done > 0 ? elapsed * ((_epochs - FirstEpoch - done) / done) : null,
        });
    }

    public void Dispose()
    {
        Average?.Dispose();
        Soundness.Dispose();
        Random.Dispose();
        Optimizer.Dispose();
        Masters?.Dispose();
        _data.Dispose();
    }
}
