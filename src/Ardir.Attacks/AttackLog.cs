using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

internal static partial class AttackLog
{
    [LoggerMessage(1, LogLevel.Warning,
        "{Attack}: for {Count} of {Images} images, which stayed unbroken, the gradient of the loss was exactly zero at a point that the " +
        "attack asked about. {Advice}")]
    public static partial void ZeroGradient(ILogger logger, string attack, long count, long images, string advice);

    [LoggerMessage(3, LogLevel.Warning, "{Kind}: {Message}")]
    public static partial void Finding(ILogger logger, FindingKind kind, string message);

    [LoggerMessage(4, LogLevel.Information, "The checks of the gradients ended early, without effect on the result: {Message}")]
    public static partial void ChecksEnded(ILogger logger, string message);

    [LoggerMessage(2, LogLevel.Warning,
        "For {Count} images attacked since the last logging point the gradient of the loss was exactly zero at a point that the attack " +
        "asked about. {Advice}")]
    public static partial void ZeroGradientInTraining(ILogger logger, long count, string advice);

    [LoggerMessage(5, LogLevel.Warning, "{Attack} is left out: {Message}")]
    public static partial void WithoutGradient(ILogger logger, string attack, string message);
}
