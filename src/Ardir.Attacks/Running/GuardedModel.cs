using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The only place where attacks and evaluations call a model: counts sample evaluations, checks for cancellation before each, and refuses
/// answers that would make a result meaningless. NaN and zero gradients are recorded on the device and read once at the end
/// (<see cref="AnswerWatch"/>). Made for the <see cref="AsModule"/> of another guard, it calls the model behind that one, and both count.
/// </summary>
internal sealed partial class GuardedModel : IDisposable
{
    private readonly GuardedModel? _outer;
    private long _classes;
    // Whether the input was compared before and after a call, by this guard, by the evaluation around it, or earlier in the training to
    // whose diagnostics it reports: a comparison has to wait for the device.
    private bool _watched;
    private AnswerWatch? _watch;
    private NanAnswers? _nan;
    private (long Forwards, long Backwards) _recorded;
    // Changed atomically, because an attack of the user's may call the model from several threads.
    private long _forwards;
    private long _backwards;

    public GuardedModel(IModule model, AttackContext context)
    {
        _outer = (model as Face)?.Guard;
        (Model, Context) = (_outer?.Model ?? model, context);
    }

    /// <summary>The model of the user, without any guard.</summary>
    public IModule Model { get; }

    public AttackContext Context { get; }

    /// <summary>Shared with the other shards of a run; null where there are none.</summary>
    public ShardGate? Gate { get; init; }

    /// <summary>Where to report what is noticed, to be read later; null when it is read at the end of the run. An evaluation reports by
    /// itself.</summary>
    public AttackDiagnostics? Diagnostics => Context.Notes is null ? Context.Diagnostics : null;

    /// <summary>What networks are known to answer on the images of this run.</summary>
    public IReadOnlyList<KnownOutput> Known { get; private set; } = [];

    /// <summary>The number of classes, if it is known from an earlier evaluation and the labels have already been checked against
    /// it.</summary>
    public long Classes { get => _classes; init => _classes = value; }

    public long SampleForwards => Interlocked.Read(ref _forwards);

    public long SampleBackwards => Interlocked.Read(ref _backwards);

    /// <summary>The guarded model for attacks, which take any model. What third-party attacks pass forward and backward through it is
    /// counted, too.</summary>
    public IModule AsModule => new Face(this);

    /// <summary>The passes that no attack has recorded as its own since the last call.</summary>
    public (long Forwards, long Backwards) TakeUnrecorded()
    {
        var (forwards, backwards) = (SampleForwards - _recorded.Forwards, SampleBackwards - _recorded.Backwards);
        Record(forwards, backwards);
        return (forwards, backwards);
    }

    /// <summary>Logits of some points outside of a run of an attack, detached, [n,K].</summary>
    public Tensor Answer(Tensor points)
    {
        CheckCancelled();
        var logits = WatchInput(points, () => ModelCall.Of(Model, points));
        CountForwards(points.shape[0]);
        LogitsGuard.Check(logits, points, _classes);
        _watch?.RecordLogits(logits);
        return logits.detach();
    }

    /// <summary>As <see cref="Answer"/>, for points that are needed again: the model gets a copy, because it may normalise in place what it
    /// is given.</summary>
    public Tensor Copied(Tensor points) => Answer(points.clone());

    /// <summary>Begins a run on these images; observations from an earlier run are discarded.</summary>
    /// <param name="images">The tensor that the attack was given, by which the caller's knowledge about it is found.</param>
    public void Begin(Tensor images)
    {
        if (Context.Known.Count > 0) Known = [.. Context.Known.Where(known => ReferenceEquals(known.Images, images))];
        foreach (var known in Known) TensorGuard.Dense(known.Logits, "context.Known.Logits");
        _watch?.Dispose();
        _watch = new AnswerWatch(images.shape[0], images.device);
    }

    /// <summary>From now on NaN counts as a wrong answer.</summary>
    public NanAnswers CountNanAsWrong(ThreatModel threat) => _nan = new NanAnswers(threat);

    /// <summary>Whether points with NaN logits are kept, which needs the images of their samples.</summary>
    public bool KeepsNan => _nan is not null;

    /// <summary>Records the samples of a run whose gradient is exactly zero.</summary>
    /// <param name="size">Largest absolute value of the gradient of each sample, [n].</param>
    /// <param name="run">The samples.</param>
    /// <param name="loss">The loss that was maximised.</param>
    /// <param name="losses">Its values, [n].</param>
    public void RecordZeroGradients(Tensor size, AttackRun run, IAttackLoss loss, Tensor losses) =>
        _watch!.RecordZeroGradients(size, run.Positions, reached: loss.IsZeroAtGoal ? losses.logical_not() : null);

    public void CheckCancelled() => Context.CancellationToken.ThrowIfCancellationRequested();

    public Tensor Logits(Tensor points, AttackRun run, IAttackLoss? loss, bool isLow = false)
    {
        using var scope = NewDisposeScope();
        return Forward(points, run, loss, isLow).Output.MoveToOuterDisposeScope();
    }

    public (Tensor Logits, Tensor Loss) Evaluate(Tensor points, AttackRun run, IAttackLoss loss)
    {
        using var scope = NewDisposeScope();
        var output = Forward(points, run, loss);
        var losses = loss.Compute(run.Inputs(output.Output, output.Features));
        return (output.Output.MoveToOuterDisposeScope(), losses.MoveToOuterDisposeScope());
    }

    /// <summary>Loss and gradient at some points.</summary>
    /// <param name="points">[n,C,H,W].</param>
    /// <param name="run">The samples.</param>
    /// <param name="loss">To be maximised.</param>
    /// <param name="isWhole">Whether the attack follows this gradient itself, not a mean of several, so that zero leaves it no
    /// direction.</param>
    public AttackGradient Gradient(Tensor points, AttackRun run, IAttackLoss loss, bool isWhole = true)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var leaf = points.detach().requires_grad_();
        var output = Forward(leaf, run, loss, isLow: run.SearchesInLowPrecision);
        var logits = output.Output;
        var losses = loss.Compute(run.Inputs(logits, output.Features));
        if (losses.dim() != 1 || losses.shape[0] != run.Count)
        {
            throw new InvalidOperationException(
                $"The attack loss '{loss.Name}' returned shape {TensorGuard.Shape(losses)}; expected [{run.Count}], one value per sample.");
        }
        // Not the mean: dividing by N can underflow tiny gradients to zero.
        var total = losses.sum();
        if (!total.requires_grad) throw logits.requires_grad ? Detached(loss) : new GradientException();
        total.backward(inputs: [leaf]);
        CountBackwards(points.shape[0]);
        var (gradient, size) = Numbers(leaf.grad ?? throw new GradientException(), run);
        losses = losses.detach();
        if (isWhole) RecordZeroGradients(size, run, loss, losses);
        return new AttackGradient(
            logits.detach().MoveToOuterDisposeScope(), losses.MoveToOuterDisposeScope(), gradient.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Values and gradients of z_c - z_y for several classes c per sample: one forward pass and one backward pass for each column of
    /// classes. The tensors given to the visitor are valid only until it returns.
    /// </summary>
    /// <param name="points">[n,C,H,W].</param>
    /// <param name="run">The samples.</param>
    /// <param name="classes">int64 [n,R].</param>
    /// <param name="visit">Given the column, the values [n] and the gradients [n,C,H,W].</param>
    /// <returns>Logits [n,K], detached.</returns>
    public Tensor Differences(Tensor points, AttackRun run, Tensor classes, Action<int, Tensor, Tensor> visit)
    {
        using var scope = NewDisposeScope();
        var leaf = points.detach().requires_grad_();
        Tensor logits, differences;
        using (enable_grad())
        {
            logits = Forward(leaf, run, loss: null).Output;
            differences = logits.gather(1, classes) - logits.gather(1, run.Labels.unsqueeze(1));
            if (!differences.requires_grad) throw new GradientException();
        }
        var columns = (int)classes.shape[1];
        Tensor? sizes = null;
        for (var column = 0; column < columns; column++)
        {
            using var each = NewDisposeScope();
            Tensor total;
            using (enable_grad()) total = differences.select(1, column).sum();
            leaf.grad?.zero_();
            total.backward(retain_graph: column < columns - 1, inputs: [leaf]);
            CountBackwards(points.shape[0]);
            var (gradient, size) = Numbers(leaf.grad ?? throw new GradientException(), run);
            visit(column, differences.detach().select(1, column), gradient);
            sizes = sizes is null ? size.MoveToOuterDisposeScope() : sizes.add_(size);
        }
        // A sample counts only if all its gradients are zero: one boundary with a gradient is enough to move.
        _watch!.RecordZeroGradients(sizes!, run.Positions);
        return logits.detach().MoveToOuterDisposeScope();
    }

    /// <summary>Called once at the end of a run, before its result is used. Without a surrounding evaluation that handles NaN, NaN is
    /// refused here.</summary>
    public void EnsureSound()
    {
        if (Diagnostics is { } watch) _watch!.ReportTo(watch);
        else if (Context.Notes is not { CountsNan: true }) _watch!.EnsureSound();
    }

    /// <summary>Whether NaN or infinite values may have misled the search although the surrounding evaluation wants a result, so that it
    /// must be repeated with NaN as a wrong answer.</summary>
    public bool MustRepeat => Context.Notes is { CountsNan: true } && _nan is null && _watch!.FoundNonFinite();

    /// <summary>Positions of the samples whose gradient was exactly zero somewhere, and of those whose gradient was NaN or infinite
    /// although the logits were not NaN; null when no gradient was computed.</summary>
    public (long[] Zero, long[] NonFinite)? Gradients() => _watch!.Gradients();

    public void Dispose()
    {
        _watch?.Dispose();
        _nan?.Dispose();
        Low?.Dispose();
    }

    // Each pass is recorded once, by the attack that made it, even where a surrounding evaluation counts it again.
    private void Record(long forwards, long backwards)
    {
        _recorded = (_recorded.Forwards + forwards, _recorded.Backwards + backwards);
        _outer?.Record(forwards, backwards);
    }

    private void Check(Tensor logits, Tensor points, AttackRun run)
    {
        LogitsGuard.Check(logits, points, _classes);
        _classes = logits.shape[1];
        // Before the loss sees them: an index out of range would be a native error, on a GPU a fatal one.
        TensorGuard.LabelRange(run.Labels, _classes, "labels", Context.Checked);
        if (run.Targets is not null) TensorGuard.LabelRange(run.Targets, _classes, "context.Targets");
    }

    // Not a GradientException, on which an ensemble continues without gradient attacks: here the model has a gradient.
    private static InvalidOperationException Detached(IAttackLoss loss) => new(
        $"The attack loss '{loss.Name}' does not depend on the logits through the graph, although the model has a gradient: a detach, " +
        "an argmax or a constant inside the loss. Compute it from the tensors that it is given.");

    /// <summary>Checks gradients for NaN and infinity. Where NaN counts as a wrong answer, such gradients become zero.</summary>
    /// <returns>The gradient, and its largest absolute value for each sample, [n]; non-zero where the gradient was non-finite.</returns>
    private (Tensor Gradient, Tensor Size) Numbers(Tensor gradient, AttackRun run)
    {
        // The maximum, because a sum can overflow although no single value does.
        var size = gradient.abs().amax(PerSample.Dimensions(gradient));
        _watch!.RecordGradients(size);
        if (_nan is null) return (gradient, size);
        _watch.RecordNonFiniteGradients(size, run.Positions);
        return (NanAnswers.Replace(gradient, size), size.nan_to_num(1, 1, 1));
    }
}
