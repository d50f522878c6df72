// `bascule`: everything is in command_line/.
#include "app/command_line/command_line.h"

int main(int count, char** words) {
  return bascule::app::run(count, words);
}
