using Microsoft.Extensions.Logging;

namespace Ardir.Core;

/// <summary>Says once that passes could be faster (<see cref="FreedMemory"/>).</summary>
/// <param name="isNeeded">Whether that is so; asked once, when there is a logger to tell.</param>
internal sealed partial class FreedMemoryHint(Func<bool> isNeeded)
{
    private int _asked;

    /// <summary>The hint of this process: where nobody has called <see cref="FreedMemory.Keep"/> and passes run on the CPU.</summary>
    public static FreedMemoryHint OfProcess { get; } =
        new(() => OperatingSystem.IsLinux() && !FreedMemory.IsKept && !cuda.is_available());

    /// <summary>Logs it, as information.</summary>
    public void Tell(ILogger logger)
    {
        if (logger.IsEnabled(LogLevel.Information) && Interlocked.Exchange(ref _asked, 1) == 0 && isNeeded()) Hint(logger);
    }

    [LoggerMessage(1, LogLevel.Information,
        "Passes on the CPU may be much faster if FreedMemory.Keep() is the first call of the program (docs/performance.md).")]
    private static partial void Hint(ILogger logger);
}
