using System.Diagnostics;

namespace Ardir.Core;

/// <summary>Measures passes of a model, to choose the faster of two ways to run them.</summary>
/// <example><code>
/// var halves = PassTimer.IsFaster(
///     () => PassTimer.Seconds(model, images[..8]) + PassTimer.Seconds(model, images[8..]),
///     than: () => PassTimer.Seconds(model, images));
/// </code></example>
public static class PassTimer
{
    // The fastest of a few, because whatever else the machine does can only make a pass longer.
    private const int Rounds = 3;

    /// <summary>One pass forward, and back to the input where the model lets a gradient through.</summary>
    /// <param name="model">Any model, in the mode in which it will run.</param>
    /// <param name="images">[N,...]. The model gets a copy, because it may write into what it is given.</param>
    /// <returns>Seconds, until the device has done its work.</returns>
    public static double Seconds(IModule model, Tensor images)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(images);
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var leaf = images.detach().clone().requires_grad_();
        var clock = Stopwatch.StartNew();
        var total = model.call(leaf).sum();
        if (total.requires_grad) total.backward(inputs: [leaf]);
        // Waits until a GPU has done its work.
        HostRead.Double((leaf.grad ?? total.detach()).sum());
        return clock.Elapsed.TotalSeconds;
    }

    /// <summary>Whether one way is faster than another: both are measured four times in turns, and the fastest of the last three counts.
    /// The global random numbers of the CPU are restored.</summary>
    /// <param name="way">Runs the one way and returns its seconds.</param>
    /// <param name="than">Runs the other way and returns its seconds.</param>
    /// <returns>false also where a measurement fails. Whatever is wrong with a model is explained by the passes that follow.</returns>
    /// <exception cref="OperationCanceledException">A measurement was cancelled.</exception>
    public static bool IsFaster(Func<double> way, Func<double> than)
    {
        ArgumentNullException.ThrowIfNull(way);
        ArgumentNullException.ThrowIfNull(than);
        using var random = new GlobalRandomScope();
        var (here, there) = (double.MaxValue, double.MaxValue);
        try
        {
            for (var round = 0; round <= Rounds; round++)
            {
                var (other, one) = (than(), way());
                // The first round makes memory and plans of kernels.
                if (round > 0) (here, there) = (Math.Min(here, other), Math.Min(there, one));
            }
        }
#pragma warning disable CA1031 // a model of the user's may throw anything
        catch (Exception e) when (e is not OperationCanceledException)
#pragma warning restore CA1031
        {
            return false;
        }
        return there < here;
    }
}
