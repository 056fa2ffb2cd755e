using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The only place where attacks call a model: counts sample evaluations, answers cancellation before each, and refuses answers that
/// would make a result meaningless. NaN is collected on the device and read once at the end, so that a GPU is not stalled at every step.
/// </summary>
internal sealed class ModelOracle(IModule model, AttackContext context) : IDisposable
{
    private readonly IModule _model = model;
    private long _classes;
    private bool _watched;
    private Tensor? _nanLogits;
    private Tensor? _badGradients;
    private Tensor? _anyGradient;

    public AttackContext Context => context;

    public long SampleForwards { get; private set; }

    public long SampleBackwards { get; private set; }

    /// <summary>The model behind the counter of forward passes, for whoever wants a plain model.</summary>
    public IModule Counted => new CountedModel(this);

    /// <summary>Samples whose gradient was exactly zero at the start of an attack.</summary>
    public long ZeroStarts { get; private set; }

    /// <summary>Forward passes of attacks that were handed <see cref="Counted"/> and told the meter about them themselves.</summary>
    public long Claimed { get; private set; }

    /// <summary>Tells the oracle behind a model that is one's <see cref="Counted"/> that the passes of this one are on the meter already.</summary>
    public void ClaimFrom(IModule model)
    {
        if (model is CountedModel counted) counted.Oracle.Claimed += SampleForwards;
    }

    public void AddZeroStarts(long count) => ZeroStarts += count;

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

    public AttackGradient Gradient(Tensor points, AttackRun run, IAttackLoss loss)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var leaf = points.detach().requires_grad_();
        var output = Forward(leaf, run, loss);
        var logits = output.Output;
        var losses = loss.Compute(run.Inputs(logits, output.Features));
        if (losses.dim() != 1 || losses.shape[0] != run.Count)
            throw new InvalidOperationException($"The attack loss '{loss.Name}' returned shape {TensorGuard.Shape(losses)}; expected [{run.Count}], one value per sample.");
        // The sum, not the mean: dividing by N can underflow tiny gradients to zero.
        var total = losses.sum();
        if (!total.requires_grad) throw NoDependence();
        total.backward(inputs: [leaf]);
        SampleBackwards += run.Count;
        var gradient = leaf.grad ?? throw NoDependence();
        Watch(gradient);
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
            if (!differences.requires_grad) throw NoDependence();
        }
        var columns = (int)classes.shape[1];
        for (var column = 0; column < columns; column++)
        {
            using var each = NewDisposeScope();
            Tensor total;
            using (enable_grad()) total = differences.select(1, column).sum();
            leaf.grad?.zero_();
            total.backward(retain_graph: column < columns - 1, inputs: [leaf]);
            SampleBackwards += run.Count;
            var gradient = leaf.grad ?? throw NoDependence();
            Watch(gradient);
            visit(column, differences.detach().select(1, column), gradient);
        }
        return logits.detach().MoveToOuterDisposeScope();
    }

    /// <summary>Called once at the end of a run.</summary>
    public void EnsureSound()
    {
        if (context.Soundness is { } watch)
        {
            watch.Add(_badGradients, _nanLogits, _anyGradient);
            return;
        }
        SoundnessWatch.Throw(_badGradients is not null && HostRead.Bool(_badGradients), _nanLogits is not null && HostRead.Bool(_nanLogits));
        if (_anyGradient is not null && !HostRead.Bool(_anyGradient)) AttackLog.ZeroGradient(context.Logger);
        else if (ZeroStarts > 0) AttackLog.ZeroStarts(context.Logger, ZeroStarts);
    }

    public void Dispose()
    {
        _nanLogits?.Dispose();
        _badGradients?.Dispose();
        _anyGradient?.Dispose();
    }

    private TappedOutput Forward(Tensor points, AttackRun run, IAttackLoss? loss)
    {
        CheckCancelled();
        var output = WatchInput(points, () => Output(points, loss));
        var logits = output.Output;
        SampleForwards += run.Count;
        if (_classes == 0 || logits.dim() != 2 || logits.shape[1] != _classes || logits.shape[0] != points.shape[0]) Check(logits, points, run);
        using var nan = logits.detach().isnan().any();
        SoundnessWatch.Collect(ref _nanLogits, nan);
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
    }

    /// <summary>Refuses what is no batch of logits.</summary>
    public static void EnsureLogits(Tensor logits, long count)
    {
        if (!logits.is_floating_point() || logits.dim() != 2 || logits.shape[0] != count)
            throw new InvalidOperationException($"The model returned {logits.dtype} {TensorGuard.Shape(logits)} for {count} images; expected floating-point logits [{count},K].");
        if (logits.shape[1] < 2)
            throw new InvalidOperationException($"The model returned {(logits.shape[1] == 1 ? "one value" : "no value")} per image; expected logits of at least two classes. For a single score s return [-s, s].");
    }

    private static ScalarType? OtherType(IModule model, Tensor points) =>
        (model as nn.Module)?.parameters().FirstOrDefault(parameter => parameter.is_floating_point() && parameter.dtype != points.dtype)?.dtype;

    private void Check(Tensor logits, Tensor points, AttackRun run)
    {
        EnsureLogits(logits, points.shape[0]);
        if (_classes != 0)
            throw new InvalidOperationException($"The model returned {logits.shape[1]} classes after {_classes} before.");
        if (logits.device_type != points.device_type)
            throw new InvalidOperationException($"The model returned logits on {logits.device} for images on {points.device}; move the model to the images' device.");
        _classes = logits.shape[1];
        // Before the loss sees them: an index out of range would be a native error, on a GPU a fatal one.
        TensorGuard.LabelRange(run.Labels, _classes, "labels");
        if (run.Targets is not null) TensorGuard.LabelRange(run.Targets, _classes, "context.Targets");
    }

    private void Watch(Tensor gradient)
    {
        // One pass tells both: a NaN or infinity makes the sum non-finite, and it is zero only if every entry is.
        using var size = gradient.abs().sum();
        // A bad gradient makes the next logits NaN; only one that came before them is the cause.
        using var bad = size.isfinite().logical_or_(_nanLogits!).logical_not_();
        using var any = size != 0;
        SoundnessWatch.Collect(ref _badGradients, bad);
        SoundnessWatch.Collect(ref _anyGradient, any);
    }

    private static InvalidOperationException NoDependence() => new(
        "The model's output does not depend on its input through the graph (a detach, no_grad, a rounding step or a constant inside the model), so there is no gradient to follow. Gradient-free attacks still apply.");

    private sealed class CountedModel(ModelOracle oracle) : IModule
    {
        public ModelOracle Oracle => oracle;

        public Tensor call(Tensor input1)
        {
            oracle.CheckCancelled();
            oracle.SampleForwards += input1.shape[0];
            return oracle.WatchInput(input1, () => Call(oracle._model, input1));
        }
    }
}
