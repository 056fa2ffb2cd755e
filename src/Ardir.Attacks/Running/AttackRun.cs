using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The working set of an attack: the images still under attack, and the model behind a counter that checks every answer.
/// <see cref="Select"/> narrows it to some of the samples, so that broken ones leave the batch and cost nothing more.
/// </summary>
public sealed partial class AttackRun
{
    private readonly GuardedModel _model;
    private readonly AttackTraits _attack;
    private readonly RunSamples _samples;
    private bool _narrowed;

    private AttackRun(AttackTraits attack, GuardedModel model, RunSamples samples) =>
        (_attack, _model, _samples) = (attack, model, samples);

    /// <summary>The clean images, [n,...] in the bounds of the threat model.</summary>
    public Tensor Images => _samples.Images;

    /// <summary>The true classes, int64 [n].</summary>
    public Tensor Labels => _samples.Labels;

    /// <summary>The target classes, int64 [n]; null when untargeted.</summary>
    public Tensor? Targets => _samples.Targets;

    /// <summary>Positions of these samples in the run that the attack began with, int64 [n]; null while none has left.</summary>
    internal Tensor? Positions => _samples.Positions;

    /// <summary>The index of each sample in its data set, from <see cref="AttackContext.SampleIndices"/> (0 to N-1 by default), int64 [n]
    /// on the device of the images.</summary>
    public Tensor SampleIndices => _samples.SampleIndices;

    /// <summary>The threat model of the attack.</summary>
    public ThreatModel Threat => _attack.Threat;

    /// <summary>How many samples.</summary>
    public int Count => (int)Images.shape[0];

    /// <summary>Samples passed forward through the model so far, in the whole run.</summary>
    public long SampleForwards => _model.SampleForwards;

    /// <summary>Samples passed backward through the model so far, in the whole run.</summary>
    public long SampleBackwards => _model.SampleBackwards;

    /// <summary>The same run with a loss to maximise. What the loss keeps fixed (a teacher's output, say) is computed now, once.</summary>
    /// <param name="loss">The loss.</param>
    /// <returns>A run on which <see cref="Gradient"/> works.</returns>
    /// <exception cref="InvalidOperationException">The loss prepared tensors that do not have one row per sample.</exception>
    public AttackRun With(IAttackLoss loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        // A copy, because a network that the loss asks may normalise in place what it is given.
        using var turn = _model.Gate?.Enter(alone: true);
        var preparation = new AttackLossPreparation(new CountedModel(this), Images.clone()) { Known = Known() };
        return Of(_samples with { Loss = loss, Reference = preparation.ReferenceOf(loss) });
    }

    /// <summary>The run for some of the samples.</summary>
    /// <param name="rows">Positions in this run, int64 [m].</param>
    /// <returns>A run with m samples that shares the model, the counters and the random streams of its samples.</returns>
    public AttackRun Select(Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return Of(_samples.Select(rows));
    }

    /// <summary>As <see cref="Select"/>, but only for <see cref="Logits"/>, <see cref="Evaluate"/> and
    /// <see cref="IsAdversarial(Tensor)"/>: it selects labels and the tensors of the loss. Its images have the right shape only, and its
    /// random streams are those of the whole run. For attacks that narrow their run in every query, where copies of images and streams
    /// would cost noticeable time.</summary>
    /// <param name="rows">Positions in this run, int64 [m].</param>
    /// <returns>A run with m samples.</returns>
    public AttackRun ForLogits(Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return _model.KeepsNan ? Select(rows) : Of(_samples.ForLogits(rows));
    }

    /// <summary>A random starting point for each sample; the same for the same seed, sample index, attack and restart.</summary>
    /// <param name="kind">How the point is drawn.</param>
    /// <param name="restart">The restart, from 0.</param>
    /// <returns>[n,...].</returns>
    public Tensor Start(RandomStart kind, int restart) =>
        Threat.SampleStart(Images, kind, Streams(_attack.StreamKey, restart));

    /// <summary>Logits of some points, without gradient. One forward pass.</summary>
    /// <param name="points">[n,...].</param>
    /// <returns>[n,K].</returns>
    public Tensor Logits(Tensor points) => _model.Logits(points, this, _samples.Loss);

    /// <summary>The number of passes of which each gradient is the mean (expectation over transformation); 1 unless the attack was
    /// wrapped by an EotAttack.</summary>
    public int EotSamples => _model.Context.EotSamples;

    /// <summary>Loss and gradient at some points. One forward and one backward pass, or <see cref="EotSamples"/> of each: the gradient is
    /// their mean then, while logits and loss are those of the last.</summary>
    /// <param name="points">[n,...].</param>
    /// <returns>Logits [n,K], the loss to be maximised [n] and its gradient [n,...].</returns>
    /// <exception cref="InvalidOperationException">No loss was given (<see cref="With"/>), or the model's output does not depend on its
    /// input.</exception>
    public AttackGradient Gradient(Tensor points) =>
        EotSamples == 1 ? GradientAt(points, isWhole: true) : MeanGradient(points, EotSamples);

    /// <summary>Logits and loss of some points, without gradient. One forward pass.</summary>
    /// <param name="points">[n,...].</param>
    /// <returns>Logits [n,K] and the loss to be maximised [n].</returns>
    /// <exception cref="InvalidOperationException">No loss was given (<see cref="With"/>).</exception>
    public (Tensor Logits, Tensor Loss) Evaluate(Tensor points) =>
        _model.Evaluate(points, this, _samples.Loss ?? throw new InvalidOperationException("Call With(loss) before Evaluate."));

    /// <summary>Reports a step to the context's progress.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="steps">Steps of a restart.</param>
    /// <param name="restart">The restart, from 0.</param>
    public void Report(int step, int steps, int restart) => _model.Context.Progress?.Report(new AttackProgress
    {
        Attack = NameWith(EotSamples, _attack.Name),
        Step = step,
        Steps = steps,
        Restart = restart,
        Active = Count,
        SampleForwards = SampleForwards,
        SampleBackwards = SampleBackwards,
    });

    /// <summary>The name of an attack whose gradients are means, as progress and reports show it.</summary>
    /// <param name="samples">Passes per gradient, at least 1.</param>
    /// <param name="name">The name of the attack itself.</param>
    /// <returns>For example <c>EoT10-PGD-20</c>; the name alone for one pass.</returns>
    public static string NameWith(int samples, string name) => samples == 1 ? name : $"EoT{samples}-{name}";

    private AttackGradient MeanGradient(Tensor points, int samples)
    {
        var here = GradientAt(points, isWhole: false);
        var sum = here.Gradient;
        for (var sample = 1; sample < samples; sample++)
        {
            here = GradientAt(points, isWhole: false);
            sum.add_(here.Gradient);
            here.Gradient.Dispose();
        }
        using (var size = sum.abs()) _model.RecordZeroGradients(size.amax(PerSample.Dimensions(size)), this, _samples.Loss!, here.Loss);
        return here with { Gradient = sum.div_(samples) };
    }

    internal static AttackRun Create(AttackTraits attack, GuardedModel model, Tensor images, Tensor labels)
    {
        model.Begin(images);
        if (attack.AllowsLowPrecision) model.PrepareLowPrecision();
        var (indices, count) = (model.Context.SampleIndices, (int)images.shape[0]);
        return new AttackRun(attack, model, new RunSamples
        {
            Streams = SampleStreams.ForSamples(model.Context.Seed, indices, count),
            SampleIndices = Numbers(indices, images),
            Images = attack.Threat.Clamp(images.detach()),
            Labels = labels,
            Targets = model.Context.Targets,
        });
    }

    private static Tensor Numbers(IReadOnlyList<long>? indices, Tensor images) =>
        indices is null ? arange(images.shape[0], ScalarType.Int64, images.device) : Transfer.Of([.. indices], images.device);

    /// <summary>As <see cref="Select"/>, inside the dispose scope of a step: the result outlives the step and replaces this run, whose own
    /// copies are disposed.</summary>
    /// <param name="rows">Positions in this run, int64 [m].</param>
    /// <returns>A run with m samples.</returns>
    public AttackRun Narrow(Tensor rows)
    {
        var narrow = Select(rows);
        narrow._narrowed = true;
        foreach (var tensor in narrow._samples.All) tensor.MoveToOuterDisposeScope();
        if (_narrowed)
            foreach (var tensor in _samples.All) tensor.Dispose();
        return narrow;
    }

    /// <summary>Logits of the clean images, [n,K], from an earlier evaluation; they are not computed again.</summary>
    /// <exception cref="InvalidOperationException">The run does not know them: only those of a <see cref="UnitAttack"/>
    /// do.</exception>
    public Tensor CleanLogits => _samples.CleanLogits ?? throw new InvalidOperationException(
        "This run does not know the logits of its clean images; those of a UnitAttack do. Call Logits(Images).");

    /// <summary>The same run that knows the logits of its clean images.</summary>
    internal AttackRun WithCleanLogits(Tensor logits) => Of(_samples with { CleanLogits = logits });

    /// <summary>The same run whose loss takes its targeted form toward these classes, int64 [n]. The definition of success does not change:
    /// any wrong class still counts.</summary>
    /// <param name="classes">int64 [n].</param>
    /// <returns>The run.</returns>
    public AttackRun Aim(Tensor classes) => Of(_samples with { Aim = classes });

    /// <summary>Values and gradients of z_c - z_y for each column of classes, int64 [n,R]. One forward and R backward passes.</summary>
    /// <param name="points">[n,C,H,W].</param>
    /// <param name="classes">int64 [n,R].</param>
    /// <param name="visit">Given the column, the values [n] and the gradients like the points; valid only until it returns.</param>
    /// <returns>Logits [n,K], detached.</returns>
    public Tensor Differences(Tensor points, Tensor classes, Action<int, Tensor, Tensor> visit) => EotSamples == 1
        ? _model.Differences(points, this, classes, visit)
        : throw CannotAverage(_attack.Name);

    /// <summary>The exception for an attack that needs <see cref="Differences"/> within an EotAttack.</summary>
    internal static InvalidOperationException CannotAverage(string attack) => new(
        $"{attack} compares the gradients of several classes, which EotAttack cannot average. Use an attack with one gradient " +
        "per point, such as TargetedFabAttack or ApgdAttack.");

    /// <summary>Random streams of the samples for one purpose, the same in every run with the same seed and sample indices.</summary>
    /// <param name="purpose">Separates the streams from others of the same samples; the name of the attack, for example.</param>
    /// <param name="restart">The restart or unit, from 0.</param>
    /// <returns>The streams, one per sample.</returns>
    public SampleStreams Streams(string purpose, int restart) => _samples.Streams.Derive(SeedMixer.Mix((ulong)restart, purpose));

    internal AttackLossInputs Inputs(Tensor logits, FeatureMaps? features = null) => new(
        logits, Labels, _samples.Aim ?? Targets, _samples.Reference)
    {
        Features = features,
        SampleIndices = SampleIndices,
    };

    // What is known about the images with which the attack began, for those that are left.
    private IReadOnlyList<KnownOutput> Known() => Positions is null
        ? _model.Known
        : [.. _model.Known.Select(known => new KnownOutput(known.Model, Images, known.Logits.index_select(0, Positions)))];

    private AttackGradient GradientAt(Tensor points, bool isWhole) =>
        _model.Gradient(points, this, _samples.Loss ?? throw new InvalidOperationException("Call With(loss) before Gradient."), isWhole);

    private AttackRun Of(RunSamples samples) => new(_attack, _model, samples);

    /// <summary>The model that a loss receives in <see cref="IAttackLoss.Prepare"/>, so that those evaluations are counted, too.</summary>
    private sealed class CountedModel(AttackRun run) : IModule
    {
        // In the precision of the gradients: a loss that compares with this answer would otherwise follow the difference of precisions.
        public Tensor call(Tensor input1) => run._model.Logits(input1, run, loss: null, isLow: run.SearchesInLowPrecision);
    }
}
