using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The only place where attacks call a model: counts sample evaluations, answers cancellation before each, and refuses answers that
/// would make a result meaningless. What it notices about NaN and missing gradients is read once at the end (<see cref="AnswerWatch"/>).
/// </summary>
internal sealed class ModelOracle(IModule model, AttackContext context) : IDisposable
{
    private readonly IModule _model = model;
    private long _classes;
    // The trainer's attacks leave this to that of its first step: a comparison has to wait for the device.
    private bool _watched = context.Soundness is not null;
    private AnswerWatch? _watch;
    private NanAnswers? _nan;

    public AttackContext Context => context;

    /// <summary>How many classes the model is known to have, where it has been asked before and the labels have been compared with it.</summary>
    public long Classes { init => _classes = value; }

    public long SampleForwards { get; private set; }

    public long SampleBackwards { get; private set; }

    /// <summary>The model behind the counter of forward passes, for whoever wants a plain model.</summary>
    public IModule Counted => new CountedModel(this);

    /// <summary>Forward passes of attacks that were handed <see cref="Counted"/> and told the meter about them themselves.</summary>
    public long Claimed { get; private set; }

    /// <summary>Tells the oracle behind a model that is one's <see cref="Counted"/> that the passes of this one are on the meter already.</summary>
    public void ClaimFrom(IModule model)
    {
        if (model is CountedModel counted) counted.Oracle.Claimed += SampleForwards;
    }

    /// <summary>Begins a run of so many samples. What was noticed before is forgotten.</summary>
    public void Begin(Tensor images)
    {
        _watch?.Dispose();
        _watch = new AnswerWatch(images.shape[0], images.device);
    }

    /// <summary>From now on NaN counts as a wrong answer.</summary>
    public NanAnswers TakeNan(ThreatModel threat) => _nan = new NanAnswers(threat);

    /// <summary>Whether the points of NaN answers are kept, for which a run must know its images.</summary>
    public bool KeepsNan => _nan is not null;

    /// <summary>Remembers the samples of a run that have no gradient to follow.</summary>
    /// <param name="size">Largest absolute value of the gradient of each sample, [n].</param>
    /// <param name="run">The samples.</param>
    public void SeeZeros(Tensor size, AttackRun run) => _watch!.SeeZeros(size, run.Positions);

    public void CheckCancelled() => context.CancellationToken.ThrowIfCancellationRequested();

    public Tensor Logits(Tensor points, AttackRun run, IAttackLoss? loss)
    {
        using var scope = NewDisposeScope();
        return Forward(points, run, loss).Output.MoveToOuterDisposeScope();
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
    /// <param name="isWhole">Whether the attack follows this very gradient, so that zero means that it has nowhere to go.</param>
    public AttackGradient Gradient(Tensor points, AttackRun run, IAttackLoss loss, bool isWhole = true)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var leaf = points.detach().requires_grad_();
        var output = Forward(leaf, run, loss);
        var logits = output.Output;
        var losses = loss.Compute(run.Inputs(logits, output.Features));
        if (losses.dim() != 1 || losses.shape[0] != run.Count)
            throw new InvalidOperationException($"The attack loss '{loss.Name}' returned shape {TensorGuard.Shape(losses)}; expected [{run.Count}], one value per sample.");
        // Not the mean: dividing by N can underflow tiny gradients to zero.
        var total = losses.sum();
        if (!total.requires_grad) throw logits.requires_grad ? Detached(loss) : new GradientException();
        total.backward(inputs: [leaf]);
        SampleBackwards += run.Count;
        var (gradient, size) = Numbers(leaf.grad ?? throw new GradientException(), run);
        // This loss rests at zero once the goal leads by enough, wherever that is.
        if (isWhole) _watch!.SeeZeros(size, run.Positions, reached: loss is CarliniWagnerLoss ? losses.detach().logical_not() : null);
        return new AttackGradient(
            logits.detach().MoveToOuterDisposeScope(), losses.detach().MoveToOuterDisposeScope(), gradient.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Values and gradients of z_c - z_y for several classes c per sample: one forward pass and one backward pass for each column of
    /// classes. What the visitor sees lasts only until it returns.
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
            SampleBackwards += run.Count;
            var (gradient, size) = Numbers(leaf.grad ?? throw new GradientException(), run);
            visit(column, differences.detach().select(1, column), gradient);
            sizes = sizes is null ? size.MoveToOuterDisposeScope() : sizes.add_(size);
        }
        // One boundary that can be approached is enough.
        _watch!.SeeZeros(sizes!, run.Positions);
        return logits.detach().MoveToOuterDisposeScope();
    }

    /// <summary>Called once at the end of a run by whoever gets its result. Without an evaluation around it, NaN is refused here.</summary>
    public void EnsureSound()
    {
        if (context.Soundness is { } watch) _watch!.GiveTo(watch);
        else if (context.Notes is not { CountsNan: true }) _watch!.EnsureSound();
    }

    /// <summary>Whether NaN led the attack astray, and the evaluation around it wants a result nevertheless.</summary>
    public bool MustRepeat => context.Notes is { CountsNan: true } && _nan is null && _watch!.WasBroken();

    /// <summary>Positions of the samples whose gradient was exactly zero somewhere, and of those where it was no number although the logits
    /// were; null when no gradient was asked for.</summary>
    public (long[] Zero, long[] NoNumber)? Gradients() => _watch!.Gradients();

    public void Dispose()
    {
        _watch?.Dispose();
        _nan?.Dispose();
    }

    private TappedOutput Forward(Tensor points, AttackRun run, IAttackLoss? loss)
    {
        CheckCancelled();
        var output = WatchInput(points, () => Output(points, loss));
        var logits = output.Output;
        SampleForwards += run.Count;
        if (_classes == 0 || logits.IsInvalid || !logits.is_floating_point() || logits.dim() != 2 || logits.shape[1] != _classes || logits.shape[0] != points.shape[0]) Check(logits, points, run);
        if (_nan is not null) output = new TappedOutput(_nan.Replace(logits, points, run), output.Features);
        _watch!.SeeLogits(output.Output);
        return output;
    }

    private T WatchInput<T>(Tensor points, Func<T> call)
    {
        if (_watched) return call();
        _watched = true;
        return InputWatch.Watched(points, call);
    }

    private TappedOutput Output(Tensor points, IAttackLoss? loss)
    {
        if (loss is null) return new TappedOutput(Call(_model, points));
        try
        {
            return loss.Forward(_model, points);
        }
        catch (System.Runtime.InteropServices.ExternalException e) when (InputWatch.Explain(e) is not null)
        {
            throw InputWatch.Explain(e)!;
        }
    }

    /// <summary>Calls a model that may be anybody's.</summary>
    public static Tensor Call(IModule model, Tensor points)
    {
        try
        {
            return model.call(points) ?? throw new InvalidOperationException("The model returned null; expected logits [N,K].");
        }
        catch (System.Runtime.InteropServices.ExternalException e) when (InputWatch.Explain(e) is not null)
        {
            throw InputWatch.Explain(e)!;
        }
        catch (System.Runtime.InteropServices.ExternalException e) when (OtherType(model, points) is { } dtype)
        {
            throw new InvalidOperationException($"The model failed on {points.dtype} images, and its parameters are {dtype}. Convert one of them: images.to(ScalarType.{dtype}) or model.to(ScalarType.{points.dtype}).", e);
        }
        catch (System.Runtime.InteropServices.ExternalException e)
        {
            // Without the native stack, which tells a user nothing.
            var reason = e.Message.Split("\nException raised from")[0].Trim();
            throw new InvalidOperationException($"The model failed on {points.dtype} images {TensorGuard.Shape(points)}: {reason}", e);
        }
    }

    private static ScalarType? OtherType(IModule model, Tensor points) =>
        (model as nn.Module)?.parameters().FirstOrDefault(parameter => parameter.is_floating_point() && parameter.dtype != points.dtype)?.dtype;

    private void Check(Tensor logits, Tensor points, AttackRun run)
    {
        LogitsGuard.Check(logits, points, _classes);
        _classes = logits.shape[1];
        // Before the loss sees them: an index out of range would be a native error, on a GPU a fatal one.
        TensorGuard.LabelRange(run.Labels, _classes, "labels");
        if (run.Targets is not null) TensorGuard.LabelRange(run.Targets, _classes, "context.Targets");
    }

    // The model has a gradient, so that an ensemble must not go on as if it had none.
    private static InvalidOperationException Detached(IAttackLoss loss) => new(
        $"The attack loss '{loss.Name}' does not depend on the logits through the graph, although the model has a gradient: a detach, " +
        "an argmax or a constant inside the loss. Compute it from the tensors that it is given.");

    /// <summary>Looks whether gradients are numbers. Where NaN counts as an answer, those that are not become zero.</summary>
    /// <returns>The gradient, and the largest absolute value of each sample, [n]; not zero where it was no number.</returns>
    private (Tensor Gradient, Tensor Size) Numbers(Tensor gradient, AttackRun run)
    {
        // Not the sum, which can overflow although no value of it does.
        var size = gradient.abs().amax([1, 2, 3]);
        _watch!.SeeGradients(size);
        if (_nan is null) return (gradient, size);
        _watch.SeeNoNumbers(size, run.Positions);
        return (NanAnswers.Replace(gradient, size), size.nan_to_num(1, 1, 1));
    }

    private sealed class CountedModel(ModelOracle oracle) : IModule
    {
        public ModelOracle Oracle => oracle;

        public Tensor call(Tensor input1)
        {
            oracle.CheckCancelled();
            oracle.SampleForwards += input1.shape[0];
            var output = oracle.WatchInput(input1, () => Call(oracle._model, input1));
            if (oracle._classes != 0) LogitsGuard.Check(output, input1, oracle._classes);
            return output;
        }
    }
}
