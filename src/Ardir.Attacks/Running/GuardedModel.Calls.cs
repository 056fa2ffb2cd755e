using System.Runtime.InteropServices;
using Ardir.Core;

namespace Ardir.Attacks;

// The calls of the model.
internal sealed partial class GuardedModel
{
    private TappedOutput Forward(Tensor points, AttackRun run, IAttackLoss? loss)
    {
        CheckCancelled();
        var output = WatchInput(points, () => Output(points, loss));
        var logits = output.Output;
        SampleForwards += run.Count;
        if (!IsExpected(logits, points)) Check(logits, points, run);
        if (_nan is not null) output = new TappedOutput(_nan.Replace(logits, points, run), output.Features);
        _watch!.SeeLogits(output.Output);
        return output;
    }

    // Whether Check would accept the answer anyway, as it does for all but the first of a run.
    private bool IsExpected(Tensor logits, Tensor points) =>
        _classes != 0 && !logits.IsInvalid && logits.is_floating_point() && logits.dim() == 2 &&
        logits.shape[1] == _classes && logits.shape[0] == points.shape[0];

    private T WatchInput<T>(Tensor points, Func<T> call)
    {
        if (_watched) return call();
        _watched = true;
        return InputWatch.Watched(points, call);
    }

    private TappedOutput Output(Tensor points, IAttackLoss? loss)
    {
        if (loss is null) return new TappedOutput(ModelCall.Of(_model, points));
        try
        {
            return loss.Forward(_model, points);
        }
        catch (ExternalException e) when (ModelCall.Explain(e) is not null)
        {
            throw ModelCall.Explain(e)!;
        }
    }

    private sealed class CountedModel(GuardedModel oracle) : IModule
    {
        public GuardedModel Oracle => oracle;

        public Tensor call(Tensor input1)
        {
            oracle.CheckCancelled();
            oracle.SampleForwards += input1.shape[0];
            var output = oracle.WatchInput(input1, () => ModelCall.Of(oracle._model, input1));
            if (oracle._classes != 0) LogitsGuard.Check(output, input1, oracle._classes);
            return output;
        }
    }
}
