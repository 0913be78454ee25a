/** Things that are asked for one after another, and come in any order: the latest that came is the one that counts. */

export class Turns {
  #asked = 0;
  #taken = 0;

  /** Something is asked for. */
  next() {
    const mine = ++this.#asked;
    return {
      /** Whether nothing was asked for since. */
      isLatest: () => mine === this.#asked,
      /** It came; false where something that was asked for after it is there already, and it has to be let go. */
      take: () => {
        if (mine < this.#taken) return false;
        this.#taken = mine;
        return true;
      },
    };
  }
}
