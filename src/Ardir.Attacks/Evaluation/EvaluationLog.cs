using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

// The numbers of the events follow those of AttackLog, so that no two events of this package share one.
internal static partial class EvaluationLog
{
    [LoggerMessage(3, LogLevel.Warning, "{Kind}: {Message}")]
    public static partial void Finding(ILogger logger, FindingKind kind, string message);

    [LoggerMessage(4, LogLevel.Information, "The checks of the gradients ended early, without effect on the result: {Message}")]
    public static partial void ChecksEnded(ILogger logger, string message);

    [LoggerMessage(5, LogLevel.Warning, "{Attack} is left out: {Message}")]
    public static partial void WithoutGradient(ILogger logger, string attack, string message);

    [LoggerMessage(6, LogLevel.Warning,
        "The ranks compute differently: {Machines}. Sums are then rounded differently, so the result may not be that of one process bit " +
        "for bit. Give all ranks the same number of threads and the same kind of device.")]
    public static partial void DifferentMachines(ILogger logger, string machines);
}
