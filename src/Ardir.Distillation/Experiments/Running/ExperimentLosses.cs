namespace Ardir.Distillation;

/// <summary>The losses that an <see cref="ExperimentPlan"/> can name, and how each is made from the settings of a method. It is immutable:
/// <see cref="With"/> gives a copy with one of your own.</summary>
/// <example><code>
/// var options = new ExperimentOptions
/// {
///     Losses = ExperimentLosses.Standard.With("focal", settings => new FocalLoss(settings.Number("gamma", 2))),
/// };
/// </code></example>
public sealed class ExperimentLosses
{
    private readonly SortedDictionary<string, Func<MethodSettings, IDistillationLoss>> _factories;

    private ExperimentLosses(IEnumerable<KeyValuePair<string, Func<MethodSettings, IDistillationLoss>>> factories) => _factories =
        new(new Dictionary<string, Func<MethodSettings, IDistillationLoss>>(factories), StringComparer.Ordinal);

    /// <summary>The losses of the library: standard, sat, trades (beta), mart (lambda), ard (alpha, temperature, teacherData,
    /// labelReplacement), rslad, iad (begin, beta, alpha, temperature), iad2 (begin, beta), akd2 (temperature) and ardir (beta,
    /// temperature, teacherData, layers, normalization, form, featureInput, blockZeroPositions, maskFeaturesOfWrongTeacher,
    /// labelReplacement, crossEntropyWeight).</summary>
    public static ExperimentLosses Standard { get; } = new(
    [
        new("standard", _ => new StandardTrainingLoss()),
        new("sat", _ => new AdversarialTrainingLoss()),
        new("trades", settings => new TradesLoss(new TradesLossOptions { Beta = settings.Number("beta", new TradesLossOptions().Beta) })),
        new("mart", settings => new MartLoss(new MartLossOptions { Lambda = settings.Number("lambda", new MartLossOptions().Lambda) })),
        new("ard", Ard),
        new("rslad", _ => new RsladLoss()),
        new("iad", Iad),
        new("iad2", IadTwoTeacher),
        new("akd2", settings => new Akd2Loss(new Akd2LossOptions
        {
            Temperature = settings.Number("temperature", new Akd2LossOptions().Temperature),
        })),
        new("ardir", Ardir),
    ]);

    /// <summary>The names, in alphabetical order.</summary>
    public IReadOnlyCollection<string> Names => _factories.Keys;

    /// <summary>A copy with another loss, or with another one of the same name.</summary>
    /// <param name="name">Its name in plans.</param>
    /// <param name="create">Makes the loss from the settings of a method. It must read every setting it has, whatever their values.</param>
    public ExperimentLosses With(string name, Func<MethodSettings, IDistillationLoss> create)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(create);
        return new ExperimentLosses(_factories.Where(pair => pair.Key != name).Append(new(name, create)));
    }

    /// <summary>Makes the loss of a method.</summary>
    /// <param name="method">The method.</param>
    /// <exception cref="FormatException">There is no such loss, a setting is unknown, or a value is wrong; the message names the
    /// method.</exception>
    public IDistillationLoss Create(ExperimentMethod method)
    {
        ArgumentNullException.ThrowIfNull(method);
        if (!_factories.TryGetValue(method.Loss, out var create))
        {
            throw new FormatException(
                $"Method '{method.Name}' names the loss '{method.Loss}', which does not exist. Losses: {string.Join(", ", Names)}.");
        }
        try
        {
            // A copy, because settings remember who read them and methods may share one object.
            var settings = new MethodSettings(method.Settings.Values);
            var loss = create(settings);
            settings.EnsureAllRead(method.Loss);
            return loss;
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw new FormatException($"Method '{method.Name}': {e.Message}", e);
        }
    }

    private static ArdLoss Ard(MethodSettings settings)
    {
        var standard = new ArdLossOptions();
        return new ArdLoss(standard with
        {
            Alpha = settings.Number("alpha", standard.Alpha),
            TeacherData = settings.Choice("teacherData", standard.TeacherData),
            Kl = Kl(settings),
        });
    }

    private static IadLoss Iad(MethodSettings settings)
    {
        var standard = new IadLossOptions();
        return new IadLoss(standard with
        {
            Begin = settings.Whole("begin", standard.Begin),
            Beta = settings.Number("beta", standard.Beta),
            Alpha = settings.Number("alpha", standard.Alpha),
            Temperature = settings.Number("temperature", standard.Temperature),
        });
    }

    private static IadTwoTeacherLoss IadTwoTeacher(MethodSettings settings)
    {
        var standard = new IadTwoTeacherLossOptions();
        return new IadTwoTeacherLoss(standard with
        {
            Begin = settings.Whole("begin", standard.Begin), Beta = settings.Number("beta", standard.Beta),
        });
    }

    private static ArdirLoss Ardir(MethodSettings settings)
    {
        var standard = new ArdirLossOptions();
        return new ArdirLoss(standard with
        {
            Beta = settings.Number("beta", standard.Beta),
            TeacherData = settings.Choice("teacherData", standard.TeacherData),
            FeatureInput = settings.Choice("featureInput", standard.FeatureInput),
            MaskFeaturesOfWrongTeacher = settings.Flag("maskFeaturesOfWrongTeacher", standard.MaskFeaturesOfWrongTeacher),
            CrossEntropyWeight = settings.Number("crossEntropyWeight", standard.CrossEntropyWeight),
            Kl = Kl(settings),
            Features = standard.Features with
            {
                Layers = settings.Texts("layers", standard.Features.Layers),
                Normalization = settings.Choice("normalization", standard.Features.Normalization),
                Form = settings.Choice("form", standard.Features.Form),
                BlockZeroPositions = settings.Flag("blockZeroPositions", standard.Features.BlockZeroPositions),
            },
        });
    }

    private static KlDivergenceLossOptions Kl(MethodSettings settings) => new()
    {
        Temperature = settings.Number("temperature", new KlDivergenceLossOptions().Temperature),
        LabelReplacement = settings.Choice<LabelReplacement>("labelReplacement"),
    };
}
