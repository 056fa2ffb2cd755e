using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

internal static partial class AttackLog
{
    [LoggerMessage(1, LogLevel.Warning, "Every gradient of the loss to the images was exactly zero: the attack could not move. The model masks its gradients (saturation, quantisation), so this result says nothing about its robustness.")]
    public static partial void ZeroGradient(ILogger logger);

    [LoggerMessage(2, LogLevel.Warning, "{Kind}: {Message}")]
    public static partial void Finding(ILogger logger, FindingKind kind, string message);
}
