using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

internal static partial class AttackLog
{
    [LoggerMessage(1, LogLevel.Warning, "Every gradient of the loss to the images was exactly zero: the attack could not move. The model masks its gradients (saturation, quantisation), so this result says nothing about its robustness.")]
    public static partial void ZeroGradient(ILogger logger);

    [LoggerMessage(3, LogLevel.Warning, "{Kind}: {Message}")]
    public static partial void Finding(ILogger logger, FindingKind kind, string message);

    [LoggerMessage(4, LogLevel.Information, "The checks of the gradients ended early, without effect on the result: {Message}")]
    public static partial void ChecksEnded(ILogger logger, string message);

    [LoggerMessage(2, LogLevel.Warning, "At {Count} start points the gradient of the DLR loss was exactly zero for all pixels: the model may mask its gradients (saturation, quantisation). Check the result with an attack without gradients.")]
    public static partial void ZeroStarts(ILogger logger, long count);
}
