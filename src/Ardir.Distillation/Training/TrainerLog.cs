using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Distillation;

internal static partial class TrainerLog
{
    [LoggerMessage(1, LogLevel.Information,
        "{Loss}: {Epochs} epochs of {Samples} samples on {Device}, batches of {BatchSize}, seed {Seed}")]
    public static partial void Starting(ILogger logger, string loss, int epochs, int samples, string device, int batchSize, ulong seed);

    [LoggerMessage(2, LogLevel.Information, "Resuming with epoch {Epoch} from {Path}")]
    public static partial void Resuming(ILogger logger, int epoch, string path);

    [LoggerMessage(3, LogLevel.Information,
        "Epoch {Epoch}: loss {Loss:F4}, train accuracy {TrainAccuracy:P2}, clean {Clean:P2}, robust {Robust:P2}, " +
        "lr {LearningRate:G3}, {Elapsed}")]
    public static partial void EpochDone(
        ILogger logger, int epoch, double loss, double trainAccuracy, double? clean, double? robust, double learningRate, TimeSpan elapsed);

    [LoggerMessage(4, LogLevel.Warning,
        "Train accuracy is {TrainAccuracy:P1} after {Epochs} epochs, the share of the largest class {Majority:P1}: " +
        "the student seems stuck on one class. Lower the learning rate (0.01 on SVHN) or set WarmupEpochs to 5.")]
    public static partial void Stuck(ILogger logger, int epochs, double trainAccuracy, double majority);

    [LoggerMessage(5, LogLevel.Warning, "{Loss}: {Warning}")]
    public static partial void OfLoss(ILogger logger, string loss, string warning);

    [LoggerMessage(6, LogLevel.Warning,
        "SelectionAttack searches within {Selection}, but the student trains within {Training}: the best epoch is the one that resists a " +
        "threat it was not trained for. Give both the same threat model unless that is what you want.")]
    public static partial void OtherThreat(ILogger logger, ThreatModel selection, ThreatModel training);

    [LoggerMessage(9, LogLevel.Information, "Crafting: {Plan}")]
    public static partial void Crafting(ILogger logger, CraftingPlan plan);

    [LoggerMessage(10, LogLevel.Warning,
        "{Loss} uses no adversarial images, so TrainerOptions.Crafting has no effect: the student is not trained against attacks. " +
        "Choose another loss, or leave Crafting out.")]
    public static partial void CraftingUnused(ILogger logger, string loss);

    [LoggerMessage(11, LogLevel.Warning,
        "LearningRate is {Rate}, which suits SGD; Adam and AdamW move every weight by about that much per step. Set it near 1e-3.")]
    public static partial void HighRate(ILogger logger, double rate);

    [LoggerMessage(12, LogLevel.Information, "What the {Network} answers on {Samples} training images is kept: {Bytes} bytes.")]
    public static partial void Keeping(ILogger logger, NetworkRole network, int samples, long bytes);

    [LoggerMessage(13, LogLevel.Warning,
        "What the {Network} answers on {Samples} training images takes {Bytes} bytes, more than the {Left} bytes that OutputCacheBytes " +
        "leaves for it: the network is asked at every step.")]
    public static partial void TooLargeToKeep(ILogger logger, NetworkRole network, int samples, long bytes, long left);

    [LoggerMessage(14, LogLevel.Warning,
        "The teacher is wrong about {Share:P0} of the training images, and {Loss} replaced its answers to them by one-hot labels. In the " +
        "project's studies that made a student less robust where the teacher was as weak as that: give it a better teacher, or keep its " +
        "answers with LabelReplacement.None.")]
    public static partial void ManyReplaced(ILogger logger, double share, string loss);

    [LoggerMessage(15, LogLevel.Warning, "{Problem} Or train in TrainingPrecision.Full.")]
    public static partial void WrongBFloat16(ILogger logger, string problem);

    [LoggerMessage(7, LogLevel.Warning, "Epoch {Epoch}, step {Step}: the loss or a gradient is NaN or infinite; the step is left out.")]
    public static partial void Skipping(ILogger logger, int epoch, int step);
}
