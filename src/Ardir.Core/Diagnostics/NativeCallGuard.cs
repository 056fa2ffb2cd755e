using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Ardir.Core;

/// <summary>
/// Wraps attacks, evaluations and training. If the loaded TorchSharp lets the garbage collector free memory that native code is reading, it
/// logs one warning and reports the cause of calls that failed for this reason. Otherwise it does nothing.
/// </summary>
/// <param name="keepsArgumentsAlive">Whether the loaded TorchSharp keeps the arguments of native calls alive.</param>
internal sealed partial class NativeCallGuard(bool keepsArgumentsAlive)
{
    /// <summary>The MSBuild property of a program's project that repairs the copy of TorchSharp in its output folder.</summary>
    public const string Property = "ArdirKeepArgumentsAlive";

    private const string Remedy =
        $"Build the program with the MSBuild property {Property}, which is on unless its project sets it to false; "
        + "docs/backends.md says what it does.";

    // libtorch reports these errors (in c10::Scalar::to and c10::Scalar::type) only for a scalar whose memory was freed or overwritten.
    private static readonly string[] _messages = ["Expected false to be true, but got false", "Unknown scalar type"];

    private int _told;

    /// <summary>The guard of this process.</summary>
    public static NativeCallGuard OfProcess { get; } = new(TorchSharpRuntime.KeepsArgumentsAlive);

    /// <summary>Runs the work, with a warning before and a translated exception after, where TorchSharp needs the repair.</summary>
    /// <param name="logger">Receives the warning if it is the first logger with warnings enabled.</param>
    /// <param name="work">An attack, an evaluation or a training run.</param>
    /// <exception cref="NativeArgumentFreedException">A native call failed because the collector freed its argument.</exception>
    public T Run<T>(ILogger logger, Func<T> work)
    {
        if (keepsArgumentsAlive) return work();
        if (logger.IsEnabled(LogLevel.Warning) && Interlocked.Exchange(ref _told, 1) == 0) Unpatched(logger, Property);
        try
        {
            return work();
        }
        catch (Exception e) when (Explains(e) && e is not NativeArgumentFreedException)
        {
            throw new NativeArgumentFreedException(
                "A native call failed as it does when the garbage collector frees a number that the call is reading, "
                + "which this build of TorchSharp does not prevent. The result is lost; model and data are not at fault. "
                + Remedy,
                e);
        }
    }

    /// <summary>Whether an exception, or one of its inner exceptions, is that of a native call whose argument was freed.</summary>
    public bool Explains(Exception? failure)
    {
        if (keepsArgumentsAlive) return false;
        for (; failure is not null; failure = failure.InnerException)
        {
            if (failure is NativeArgumentFreedException) return true;
            if (failure is ExternalException && _messages.Any(message => failure.Message.Contains(message, StringComparison.Ordinal)))
                return true;
        }
        return false;
    }

    [LoggerMessage(
        1,
        LogLevel.Warning,
        "This build of TorchSharp does not keep the arguments of native calls alive: a garbage collection during a call can make it fail "
        + "or end the process. Build the program with the MSBuild property {Property}, which is on unless its project sets it to false.")]
    private static partial void Unpatched(ILogger logger, string property);
}
