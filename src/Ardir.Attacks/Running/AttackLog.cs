using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

internal static partial class AttackLog
{
    [LoggerMessage(1, LogLevel.Warning,
        "{Attack}: for {Count} of {Images} images, which stayed unbroken, the gradient of the loss was exactly zero at a point that the " +
        "attack asked about. {Advice}")]
    public static partial void ZeroGradient(ILogger logger, string attack, long count, long images, string advice);

    [LoggerMessage(2, LogLevel.Warning,
        "For {Count} images attacked since the last logging point the gradient of the loss was exactly zero at a point that the attack " +
        "asked about. {Advice}")]
    public static partial void ZeroGradientInTraining(ILogger logger, long count, string advice);
}
