using System.Runtime.InteropServices;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Calls a model of the user and explains those errors of native code whose cause is known.</summary>
internal static class ModelCall
{
    /// <summary>What to do about a model that changes its input in place; the second sentence of such an error.</summary>
    public const string InPlaceRemedy =
        "Let it compute a new tensor: images.sub(mean) instead of images.sub_(mean), and no module with inplace: true as the first.";

    /// <summary>Logits of some points, as the model returned them.</summary>
    public static Tensor Of(IModule model, Tensor points)
    {
        try
        {
            return model.call(points) ?? throw new InvalidOperationException("The model returned null; expected logits [N,K].");
        }
        catch (ExternalException e) when (Explain(e) is not null)
        {
            throw Explain(e)!;
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

    /// <summary>A clear exception for the native error that an in-place change of a tensor which requires grad causes; null for all
    /// other errors.</summary>
    public static InvalidOperationException? Explain(Exception native) =>
        native.Message.Contains("leaf Variable that requires grad is being used in an in-place operation", StringComparison.Ordinal)
            ? new InvalidOperationException($"The model changes its input in place. {InPlaceRemedy}", native)
            : null;

    private static ScalarType? OtherType(IModule model, Tensor points) =>
        (model as nn.Module)?.parameters()
            .FirstOrDefault(parameter => parameter.is_floating_point() && parameter.dtype != points.dtype)?
            .dtype;
}
