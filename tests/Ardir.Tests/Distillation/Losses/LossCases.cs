using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Every loss, some in several settings, by name.</summary>
internal static class LossCases
{
    private static readonly Dictionary<string, Func<IDistillationLoss>> _makers = new()
    {
        ["Standard"] = () => new StandardTrainingLoss(),
        ["SAT"] = () => new AdversarialTrainingLoss(),
        ["KD"] = () => new KdLoss(),
        ["ARD"] = () => new ArdLoss(),
        ["ARD hard"] = () => new ArdLoss(new() { Alpha = 0.5, Kl = new() { Temperature = 30, LabelReplacement = LabelReplacement.Probabilities }, HardLabelInput = HardLabelInput.Clean }),
        ["ARD RA"] = () => new ArdLoss(new() { TeacherData = TeacherData.RobustAdversarial }),
        ["KL"] = () => new KlDivergenceLoss(),
        ["KL literal"] = () => new KlDivergenceLoss(new() { Direction = KlDirection.StudentTeacher, LabelReplacement = LabelReplacement.Logits, Temperature = 2 }),
        ["LPIPS"] = () => new LpipsInternalLoss(),
        ["LPIPS layer norms"] = () => new LpipsInternalLoss(new() { Form = FeatureDistanceForm.SumOfLayerNorms, Normalization = FeatureNormalization.SpatialL2, LayerWeights = [1, 2] }),
        ["TRADES"] = () => new TradesLoss(),
        ["TRADES detached"] = () => new TradesLoss(new() { Beta = 1, DetachClean = true, KlReduction = KlReduction.ElementMean }),
        ["MART"] = () => new MartLoss(),
        ["RSLAD"] = () => new RsladLoss(),
        ["IAD-I"] = () => new IadLoss(),
        ["IAD-I begun"] = () => new IadLoss(new() { Begin = 0, Alpha = 0.8, Temperature = 2, WeighTeacher = true }),
        ["IAD-II"] = () => new IadTwoTeacherLoss(),
        ["IAD-II begun"] = () => new IadTwoTeacherLoss(new() { Begin = 0, Temperature = 2, DetachClean = true }),
        ["AKD2"] = () => new Akd2Loss(),
        ["FitNets"] = () => new FitNetsLoss(),
        ["FitNets adapted"] = () => new FitNetsLoss(new() { Layers = ["layer1", "layer2"], Adapters = Adapters(), MeanOverElements = true, Input = FeatureInput.Adversarial }),
        ["FitNets stage 2"] = () => new FitNetsLoss(new() { HintEpochs = 0 }),
        ["Sum"] = () => new WeightedSumLoss((1, new TradesLoss()), (0.5, new LpipsInternalLoss()), (2, new ArdLoss(new() { Alpha = 0.5 }))),
        ["LPIPS adapted"] = () => new LpipsInternalLoss(new() { Adapters = Adapters() }),
        ["ARDIR"] = () => new ArdirLoss(),
        ["ARDIR beta 0"] = () => new ArdirLoss(new() { Beta = 0, Kl = new() { Temperature = 30 } }),
        ["ARDIR beta 1"] = () => new ArdirLoss(new() { Beta = 1, Features = new() { Form = FeatureDistanceForm.Squared, BlockZeroPositions = true } }),
        ["ARDIR RA"] = () => new ArdirLoss(new() { TeacherData = TeacherData.RobustAdversarial, MaskFeaturesOfWrongTeacher = true, CrossEntropyWeight = 0.5 }),
        ["ARDIR clean features"] = () => new ArdirLoss(new() { FeatureInput = FeatureInput.Clean, Kl = new() { HardLabelTemperature = 3, Reduction = KlReduction.ElementMean } }),
    };

    public static IEnumerable<string> Names => _makers.Keys;

    /// <summary>For the maps of <see cref="LossData"/>, in float64.</summary>
    public static FeatureAdapters Adapters()
    {
        var adapters = FeatureAdapters.Create([[3, 4, 4], [4, 2, 2]], [[3, 4, 4], [4, 2, 2]]);
        adapters.to(ScalarType.Float64);
        return adapters;
    }

    public static IDistillationLoss Make(string name) => _makers[name]();
}
