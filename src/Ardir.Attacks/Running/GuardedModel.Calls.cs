using System.Runtime.InteropServices;
using Ardir.Core;

namespace Ardir.Attacks;

// The calls of the model.
internal sealed partial class GuardedModel
{
    /// <summary>Lets the model search in lower precision; null where it does not, or before the first run.</summary>
    public LowPrecision? Low { get; private set; }

    /// <summary>Makes <see cref="Low"/> where the context asks for it.</summary>
    /// <exception cref="PlatformNotSupportedException">This processor computes a convolution of the model wrongly in that
    /// precision.</exception>
    public void PrepareLowPrecision()
    {
        if (Context.SearchPrecision == SearchPrecision.Full || Low is not null) return;
        if (ConvolutionCheck.Find(Model, ScalarType.BFloat16) is { } problem) throw new PlatformNotSupportedException(problem);
        Low = LowPrecision.Of(Model);
    }

    private TappedOutput Forward(Tensor points, AttackRun run, IAttackLoss? loss, bool isLow = false)
    {
        CheckCancelled();
        var output = WatchInput(points, () => isLow ? LowOutput(points, loss) : Output(points, loss));
        var logits = output.Output;
        // Not those of the run: an attack may ask for several points per sample at once, and a loss for other images.
        CountForwards(points.shape[0]);
        if (!IsExpected(logits, points)) Check(logits, points, run);
        if (_nan is not null) output = new TappedOutput(_nan.Replace(logits, points, run), output.Features);
        _watch!.RecordLogits(output.Output);
        return output;
    }

    // Points, logits, maps, loss and gradient are in the dtype of the points: only the layers compute in another.
    private TappedOutput LowOutput(Tensor points, IAttackLoss? loss) =>
        Low!.Pass(() => Output(points, loss)).Map(map => map.to(points.dtype));

    // Whether Check would accept the answer anyway, as it does for all but the first of a run.
    private bool IsExpected(Tensor logits, Tensor points) =>
        _classes != 0 && !logits.IsInvalid && logits.is_floating_point() && logits.dim() == 2 &&
        logits.shape[1] == _classes && logits.shape[0] == points.shape[0];

    private T WatchInput<T>(Tensor points, Func<T> call)
    {
        if (_watched) return call();
        _watched = true;
        // Asked at the first call, because an attack that makes none must not use up the one comparison of the diagnostics.
        if (_outer is { _watched: true } || Diagnostics is { } diagnostics && !diagnostics.TakeComparison(Model)) return call();
        return InputWatch.Watched(points, call);
    }

    private TappedOutput Output(Tensor points, IAttackLoss? loss)
    {
        using var turn = Gate?.Enter(alone: loss is { AllowsThreads: false });
        if (loss is null) return new TappedOutput(ModelCall.Of(Model, points));
        try
        {
            return loss.Forward(Model, points);
        }
        catch (ExternalException e) when (ModelCall.Explain(e) is not null)
        {
            throw ModelCall.Explain(e)!;
        }
    }

    private void CountForwards(long samples)
    {
        Interlocked.Add(ref _forwards, samples);
        _outer?.CountForwards(samples);
    }

    private void CountBackwards(long samples)
    {
        Interlocked.Add(ref _backwards, samples);
        _outer?.CountBackwards(samples);
    }

    /// <summary>A plain model to its callers. An attack of this library finds the guard behind it and calls the model itself.</summary>
    private sealed class Face(GuardedModel guard) : IModelWrapper
    {
        public GuardedModel Guard => guard;

        public IModule Model => guard.Model;

        public Tensor call(Tensor input1)
        {
            guard.CheckCancelled();
            // Whatever an attack follows, logits or the output of a layer that it taps, its gradient ends in the input.
            var points = input1.requires_grad && is_grad_enabled() ? CountedBackward.apply(input1, guard) : input1;
            var output = guard.WatchInput(points, () => ModelCall.Of(guard.Model, points));
            guard.CountForwards(input1.shape[0]);
            if (guard._classes != 0) LogitsGuard.Check(output, input1, guard._classes);
            // The graph keeps what it needs.
            if (!ReferenceEquals(points, input1) && !ReferenceEquals(points, output)) points.Dispose();
            return output;
        }
    }

    /// <summary>The identity, whose backward pass is counted.</summary>
    private sealed class CountedBackward : autograd.SingleTensorFunction<CountedBackward>
    {
        private const string Guard = "guard";

        public override string Name => nameof(CountedBackward);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.save_data(Guard, vars[1]);
            return ((Tensor)vars[0]).clone();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            ((GuardedModel)ctx.get_data(Guard)).CountBackwards(grad_output.shape[0]);
            return [grad_output, null!];
        }
    }
}
