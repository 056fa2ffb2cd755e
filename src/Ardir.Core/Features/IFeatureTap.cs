namespace Ardir.Core;

/// <summary>
/// Runs a model and keeps the outputs of chosen layers. Between two <see cref="Forward"/> calls the model has no hook and the tap holds no
/// tensor, so whatever else runs the model (attacks above all) is not slowed down by the tap.
/// </summary>
/// <remarks>Not thread-safe: one thread at a time may run <see cref="Forward"/> on a model. The tap never disposes the model.</remarks>
public interface IFeatureTap : IDisposable
{
    /// <summary>The tapped layers by module path, in the order of <see cref="TappedOutput.Features"/>.</summary>
    IReadOnlyList<string> Layers { get; }

    /// <summary>One forward pass of the model in the caller's grad mode (a frozen tap: in eval mode, without gradient).</summary>
    /// <param name="input">What the model takes, usually images [N,C,H,W].</param>
    /// <returns>Output and features. Owned by the caller, and by the caller's dispose scope if there is one.</returns>
    /// <exception cref="InvalidOperationException">A tapped layer did not run, or ran more than once; the message names it.</exception>
    TappedOutput Forward(Tensor input);
}
