using System.Runtime.InteropServices;
using Ardir.Core;

namespace Ardir.Attacks;

// The calls of the model, and the explanation of errors that native code throws in them.
internal sealed partial class ModelOracle
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
        if (loss is null) return new TappedOutput(Call(_model, points));
        try
        {
            return loss.Forward(_model, points);
        }
        catch (ExternalException e) when (InputWatch.Explain(e) is not null)
        {
            throw InputWatch.Explain(e)!;
        }
    }

    /// <summary>Calls a model of the user and explains the errors of native code that are known.</summary>
    public static Tensor Call(IModule model, Tensor points)
    {
        try
        {
            return model.call(points) ?? throw new InvalidOperationException("The model returned null; expected logits [N,K].");
        }
        catch (ExternalException e) when (InputWatch.Explain(e) is not null)
        {
            throw InputWatch.Explain(e)!;
        }
        catch (ExternalException e) when (OtherType(model, points) is { } dtype)
        {
            throw new InvalidOperationException(
                $"The model failed on {points.dtype} images, and its parameters are {dtype}. Convert one of them: " +
                $"images.to(ScalarType.{dtype}) or model.to(ScalarType.{points.dtype}).",
                e);
        }
        catch (ExternalException e)
        {
            // Without the native stack trace, which does not help a user.
            var reason = e.Message.Split("\nException raised from")[0].Trim();
            throw new InvalidOperationException($"The model failed on {points.dtype} images {TensorGuard.Shape(points)}: {reason}", e);
        }
    }

    private static ScalarType? OtherType(IModule model, Tensor points) =>
        (model as nn.Module)?.parameters()
            .FirstOrDefault(parameter => parameter.is_floating_point() && parameter.dtype != points.dtype)?
            .dtype;

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
