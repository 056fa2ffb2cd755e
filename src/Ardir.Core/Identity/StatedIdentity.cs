namespace Ardir.Core;

/// <summary>
/// The text by which an interrupted evaluation or training recognises its attacks, losses, schedules and options when it resumes. It is
/// the same on every machine and in every culture, and made by these rules, the first that fits:
/// <list type="bullet">
/// <item><see cref="IStatesIdentity"/>: its parts, with a space between them;</item>
/// <item>a record: its public properties and fields by name, in alphabetical order, <c>PgdOptions { Loss = ..., Steps = 20 }</c>, if no
/// other field holds values; an anonymous type likewise, <c>{ Steps = 20 }</c>;</item>
/// <item>a type that overrides <c>ToString</c> (numbers, enumerations and the threat models do), or derives from one without adding
/// fields: that text;</item>
/// <item>a list or an array: its entries, <c>[1, 2]</c>; a set or a dictionary: its entries in alphabetical order;</item>
/// <item>a tensor: a hash of its values; a network: its type, because it may be the one that is being trained or evaluated. The weights
/// of other networks are compared besides (<see cref="WithWeights"/>);</item>
/// <item>an object that holds no values: the name of its type.</item>
/// </list>
/// Everything else hides values, so that a run with other values could be taken for this one: it is refused.
/// </summary>
public static class StatedIdentity
{
    /// <summary>The text of an object.</summary>
    /// <param name="value">An attack, a loss, a schedule, options or null.</param>
    /// <param name="remedy">What the caller can do besides, as a sentence for the message; for example "Leave StatePath null."</param>
    /// <returns>The text.</returns>
    /// <exception cref="InvalidOperationException">The object, or one that it consists of, hides values.</exception>
    public static string Of(object? value, string remedy = "") => Of(value, remedy, out _);

    /// <summary>The text of an object and a hash of the weights of each network that it states, such as the teacher of an attack's
    /// loss.</summary>
    /// <param name="value">As for <see cref="Of(object, string)"/>.</param>
    /// <param name="remedy">As for <see cref="Of(object, string)"/>.</param>
    /// <param name="except">Networks whose weights are left out, because they change during the run or are compared elsewhere; none when
    /// null.</param>
    /// <returns>The text, then the hashes in its order, each network once.</returns>
    /// <exception cref="InvalidOperationException">The object, or one that it consists of, hides values.</exception>
    public static string WithWeights(object? value, string remedy = "", Func<IModule, bool>? except = null)
    {
        var text = Of(value, remedy, out var networks);
        return text + string.Concat(networks.Where(network => except?.Invoke(network) != true).Select(
            network => $", {Fingerprint.Of(network)}"));
    }

    /// <summary>The first object that hides values, which <see cref="Of(object, string)"/> would refuse; null when there is none.</summary>
    /// <param name="value">As for <see cref="Of(object, string)"/>.</param>
    /// <returns>The value itself or an object that it consists of.</returns>
    public static object? FindHidden(object? value)
    {
        var writer = new IdentityWriter();
        writer.Write(value);
        return writer.Hidden;
    }

    /// <summary>The networks that an object states, such as the teacher of an attack's loss. Their types are in the text and their weights
    /// are not.</summary>
    /// <param name="value">As for <see cref="Of(object, string)"/>.</param>
    /// <returns>Each network once, in the order of the text.</returns>
    public static IReadOnlyList<IModule> FindNetworks(object? value)
    {
        var writer = new IdentityWriter();
        writer.Write(value);
        return writer.Networks;
    }

    private static string Of(object? value, string remedy, out IReadOnlyList<IModule> networks)
    {
        var writer = new IdentityWriter();
        var text = writer.Write(value);
        networks = writer.Networks;
        if (writer.Hidden is not { } hidden) return text;
        var part = ReferenceEquals(hidden, value) ? "" : $", part of {value!.GetType().Name},";
        var (shows, act) = RecordShape.IsRecord(hidden.GetType()) && RecordShape.HidesFields(hidden.GetType())
            ? ("has fields with values that no public property shows", "Make them public properties")
            : ("holds values that its text does not show", "Override ToString to show them (a record does so by itself)");
        throw new InvalidOperationException(
            $"{hidden.GetType()}{part} {shows}, so a run with other values could be taken for this one. " +
            $"{act} or implement IStatesIdentity. {remedy}".TrimEnd());
    }
}
